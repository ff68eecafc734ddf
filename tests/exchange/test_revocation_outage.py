"""An authority's server is dead: mail flows, nobody who sends calls it, and what was missed is made up for later."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.exchange.rejudge import rejudge
from app.ledger.check import check
from app.node import Node
from app.registry.model import Scope
from app.registry.revocation_rounds import Refreshed, refresh
from app.signing.certificates import subject_of
from app.store.schema import revocation_sources
from tests.exchange.conftest import QUIET
from tests.exchange.mail import send
from tests.support.agency import AgencySystem
from tests.support.authority_server import AuthorityServer
from tests.support.node import RunningNode, running_node
from tests.support.office import (
    GOVERNMENT_OFFICE,
    PROVINCE,
    Office,
    created,
    current_seal,
    refused,
    register_certificate,
)
from tests.support.pki import YEAR, published, shared_pki

PKI = shared_pki()
TOP, ISSUING = "/top.crl", "/issuing.crl"


@dataclass
class Land:
    """A node, two agencies, and the server of the authorities that certified them."""

    running: RunningNode
    server: AuthorityServer
    sender: Office
    recipient: Office
    auditor: AgencySystem

    def turn(self) -> Refreshed:
        """One round of the worker in which every source is due, and one pass over what is open."""

        async def work(node: Node) -> Refreshed:
            def now() -> datetime:
                return datetime.now(UTC)

            async with node.database.write() as tx:
                await tx.execute(revocation_sources.update().values(next_try_at=now() - timedelta(minutes=1)))
            done = await refresh(node.database, node.fetch, interval=timedelta(hours=6), now=now, dice=lambda: 0.0)
            await rejudge(node.desk, now=now)
            return done

        return self.running.run(work)

    def recover(self) -> None:
        """Let the server serve both lists, made now."""
        now = datetime.now(UTC).replace(microsecond=0)
        period = {"this_update": now, "next_update": now + YEAR}
        self.server.files[TOP] = PKI.crl(issuer=PKI.root, pem=False, **period)  # type: ignore[arg-type]
        self.server.files[ISSUING] = PKI.crl(pem=False, **period)  # type: ignore[arg-type]

    def indication(self, document: str) -> str:
        """What is said of a document now."""
        shown = created(self.sender.system.get(f"/v1/documents/{document}/verification"), 200)
        return str(shown["indication"])


@contextmanager
def land(folder: Path, migrated: Path, **settings: object) -> Iterator[Land]:
    """A node whose worker's rounds the test runs, and sources where there is nothing to be had yet."""
    shutil.copyfile(migrated, folder / "node.sqlite")
    own = QUIET | {"revocation_fetch": False, "revocation_private_targets": True} | settings
    with ExitStack() as stack:
        server = stack.enter_context(AuthorityServer())
        running = stack.enter_context(running_node(folder / "data", f"sqlite:///{folder / 'node.sqlite'}", **own))
        administrator = stack.enter_context(running.system(Scope.REGISTRY_WRITE))
        created(administrator.post("/v1/trust/anchors", json={"pem": PKI.root_pem, "name": "Gốc"}))
        offices = []
        for code in (GOVERNMENT_OFFICE, PROVINCE):
            fields = {"organ_id": code, "name": code, "tier": "central", "branch": "state"}
            created(administrator.post("/v1/agencies", json=fields))
            seal = current_seal(PKI, code, code, key="p256", extensions=published(lists=[server.url(ISSUING)]))
            register_certificate(administrator, code, seal, PKI)
            system = stack.enter_context(running.system(Scope.EXCHANGE, agencies=[code]))
            offices.append(Office(code, seal, system))
        source = {"kind": "crl", "issuer": subject_of(PKI.root.certificate), "address": server.url(TOP)}
        created(administrator.post("/v1/trust/sources", json=source))
        auditor = stack.enter_context(running.system(Scope.AUDIT))
        yield Land(running, server, offices[0], offices[1], auditor)


def test_mail_flows_while_the_server_is_dead_and_is_proven_afterwards(tmp_path: Path, migrated_sqlite: Path) -> None:
    with land(tmp_path, migrated_sqlite, unknown_revocation="accept") as there:
        assert there.turn() == Refreshed(failed=2)
        asked = len(there.server.asked)
        sent = send(there.sender, PROVINCE)
        assert there.indication(sent.id) == "INDETERMINATE"
        assert there.recipient.system.content(sent.id).content == sent.body
        assert len(there.server.asked) == asked, "the request path never touches the network"
        there.recover()
        assert there.turn() == Refreshed(answered=2)
        assert there.indication(sent.id) == "TOTAL-PASSED"
        assert there.indication(send(there.sender, PROVINCE).id) == "TOTAL-PASSED", "at once from now on"
        there.server.files.clear()
        assert there.turn() == Refreshed(failed=2)
        assert there.indication(send(there.sender, PROVINCE).id) == "TOTAL-PASSED", "what is known still holds"
        states = {each["state"] for each in there.auditor.pages("/v1/trust/sources")}
        assert states == {"failing"}
        assert there.running.run(lambda node: check(node.database)).consistent


def test_where_the_operator_refuses_the_unknown_it_waits_with_the_sender(tmp_path: Path, migrated_sqlite: Path) -> None:
    with land(tmp_path, migrated_sqlite, unknown_revocation="refuse") as there:
        assert there.turn() == Refreshed(failed=2)
        body = there.sender.signed(there.sender.paper(PROVINCE))
        codes = refused(there.sender.system.send(body), 422, "document-refused")
        assert set(codes) == {"rfc5280.6.3.revocation-unknown.no-list"}
        there.recover()
        assert there.turn() == Refreshed(answered=2)
        document = created(there.sender.system.send(body))["id"]
        assert there.indication(document) == "TOTAL-PASSED"
