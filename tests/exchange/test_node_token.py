"""A node whose key lies in a token: it exchanges, survives the token's absence, and goes on over rotations."""

import shutil
from pathlib import Path

from app.node import KEYS_FOLDER, Node
from app.signing.node_key import KeyToken, NodeKey, public_keys, verify_jws
from tests.exchange.conftest import QUIET
from tests.support.node import running_node
from tests.support.office import DISTRICT, PROVINCE, Exchange, created, exchange_on, refused
from tests.support.softhsm import MODULE, new_token

RECEIPT = "receipt+jwt"


def _kid(exchange: Exchange) -> str:
    async def read(node: Node) -> str:
        return node.key.kid

    return exchange.running.run(read)


def test_receipts_are_signed_by_a_token_and_outlive_it(tmp_path: Path, migrated_sqlite: Path) -> None:
    soft, data = new_token(), tmp_path / "data"
    shutil.copyfile(migrated_sqlite, tmp_path / "node.sqlite")
    token = {
        "node_key_pkcs11_module": MODULE,
        "node_key_pkcs11_token": soft.label,
        "node_key_pkcs11_pin_file": soft.pin_file,
    }
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    with (
        running_node(data, url, **QUIET, **token) as running,
        exchange_on(running, only=[PROVINCE, DISTRICT]) as exchange,
    ):
        sender = exchange.offices[DISTRICT]
        first = created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
        assert [path.name for path in (data / KEYS_FOLDER).glob("node-*")] == ["node-0001.pub.pem"]
        with soft.pulled_out():
            waiting = sender.signed(sender.paper(PROVINCE))
            refused(sender.system.send(waiting), 503, "unavailable")
            # What others signed in before is still known: tokens are verified with public keys.
            assert sender.system.get("/v1/inbox").status_code == 200
        second = created(sender.system.send(waiting))
        before = _kid(exchange)
        rotated = NodeKey.rotate(data / KEYS_FOLDER, KeyToken(soft.token, "truc-node"))
        assert _kid(exchange) == rotated.kid != before
        third = created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
        keys = public_keys(running.http.get("/.well-known/jwks.json").json())
        assert [key.kid for key in keys] == [rotated.kid, before]
        for document in (first, second, third):
            assert verify_jws(document["receipt"], keys=keys, typ=RECEIPT)["document"] == document["id"]
    NodeKey.rotate(data / KEYS_FOLDER)
    with soft.pulled_out(), running_node(data, url, **QUIET) as running:
        keys = public_keys(running.http.get("/.well-known/jwks.json").json())
        assert len(keys) == 3
        for document in (first, second, third):
            assert verify_jws(document["receipt"], keys=keys, typ=RECEIPT)["sha256"]
