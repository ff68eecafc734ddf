"""What subscribers are told in docs/webhooks.md is what the code does."""

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.remote.call import Failure
from app.settings import Settings
from app.webhooks import announce, courier, signature, subscriptions
from app.webhooks.model import DisabledReason, Signing
from app.webhooks.schedule import DELAYS
from app.webhooks.topics import TOLD_TO_SENDER, Topic

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_the_table_of_events_is_the_list_in_the_code() -> None:
    rows = [_cells(line) for line in PAGE.split("## Kinds of events")[1].splitlines() if line.startswith("| `")]
    documented = {name.strip("`"): (meaning, bool(sender)) for name, meaning, sender in rows}
    source = Path(announce.__file__).with_name("topics.py").read_text(encoding="utf-8")
    sentences = dict(re.findall(r'= "([a-z_.]+)"\n    """(.+?)"""', source))
    assert documented == {topic.value: (sentences[topic.value], topic in TOLD_TO_SENDER) for topic in Topic}


def test_the_schedule_is_the_one_in_the_code() -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith("| after the one before")]
    _, first, *delays = _cells(line)
    units = {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}
    assert first == "at once"
    assert tuple(int(text.split()[0]) * units[text.split()[1]] for text in delays) == DELAYS


def test_the_function_that_verifies_does() -> None:
    [code] = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    there: dict[str, Any] = {}
    exec(code, there)
    from datetime import UTC, datetime

    key, other, body = signature.make_key(), signature.make_key(), "{“”}".encode()
    at = datetime.fromtimestamp(time.time(), UTC)
    headers = dict(signature.headers("id", body, signing=Signing.HMAC, keys=[other, key], at=at))
    assert there["verify"](signature.written_secret(key), headers, body)
    assert there["verify"](signature.written_secret(other), headers, body)
    assert not there["verify"](signature.written_secret(signature.make_key()), headers, body)
    assert not there["verify"](signature.written_secret(key), headers, body + b" ")
    old = dict(signature.headers("id", body, signing=Signing.HMAC, keys=[key], at=at - timedelta(minutes=6)))
    assert not there["verify"](signature.written_secret(key), old, body)


def test_numbers_and_words_are_those_of_the_code() -> None:
    fields = Settings.model_fields
    assert f"within {fields['webhook_timeout_seconds'].default:.0f} seconds" in PAGE
    assert f"kept for {fields['webhook_retention_days'].default} days" in PAGE
    assert f"A client may have {subscriptions.PER_CLIENT_MAX} subscriptions" in PAGE
    assert f"for {subscriptions.OVERLAP / timedelta(hours=1):.0f} hours" in PAGE
    assert courier.AT_ONCE_PER_WEBHOOK_MAX == 4
    for word in (*Failure, DisabledReason.GONE, DisabledReason.FAILING, *announce._SHOWN):
        assert f"`{word}`" in PAGE
