"""A node that is told to stop does not wait for those who wait for mail."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

from tests.exchange.processes import NodeProcess, prepared
from tests.support.office import PROVINCE

WAIT_SECONDS = 50


def test_a_long_poll_is_answered_when_the_node_stops(tmp_path: Path, migrated_sqlite: Path) -> None:
    """Without its release the poll would hold the node up until the server's patience ends, after 30 seconds."""
    database = tmp_path / "node.sqlite"
    shutil.copyfile(migrated_sqlite, database)
    site = prepared(tmp_path / "data", f"sqlite:///{database}", only=(PROVINCE,))
    with NodeProcess(site.settings).start_as_operators_do() as process, site.connected() as offices:
        system = offices[PROVINCE].system
        answers = []

        def poll() -> None:
            answers.append(system.get("/v1/inbox", params={"agency": PROVINCE, "wait": WAIT_SECONDS}))

        waiting = threading.Thread(target=poll)
        assert system.get("/v1/inbox", params={"agency": PROVINCE}).json()["items"] == []
        waiting.start()
        time.sleep(1)
        assert not answers

        told = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        waiting.join(WAIT_SECONDS)

        assert [answer.status_code for answer in answers] == [200]
        assert answers[0].json() == {"items": [], "next_cursor": None}
        assert time.monotonic() - told < WAIT_SECONDS / 2
