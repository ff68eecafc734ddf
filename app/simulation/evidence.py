"""The last thing shown: one document's evidence leaves the node, and is checked without it."""

import asyncio
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.simulation.node_process import NodeFolder
from app.simulation.office import Sent
from app.simulation.screen import Screen
from app.simulation.tally import SimulationFailed


async def show_evidence(
    folder: NodeFolder, sent: Sent, *, keys: object, root: x509.Certificate, screen: Screen
) -> Path:
    """Fetch the evidence of a document as its sender, and let `truc verify` say what it proves.

    Args:
        keys: the key set the node publishes.
        root: of the certificates of this country.

    Returns:
        the file; beside it are the keys and the root it was checked with.

    Raises:
        SimulationFailed: there is no evidence, or it does not hold.
    """
    document = sent.answer.document["id"]
    kept_keys = folder.keep("evidence/keys.json", keys)
    bundle, anchor = kept_keys.with_name("bundle.asice"), kept_keys.with_name("root.pem")
    anchor.write_bytes(root.public_bytes(Encoding.PEM))
    with bundle.open("wb") as file:
        answer = await sent.office.client.evidence(document, file.write)
    if not answer.ok:
        raise SimulationFailed(f"there is no evidence of {document}: {answer.explanation}")
    command = ("verify", str(bundle), "--key", str(kept_keys), "--anchors", str(anchor), "--lang", "en")
    told = await asyncio.to_thread(folder.run, *command)
    screen.step(f"the evidence of {sent.message.document_id}, checked without the node")
    screen.say(told.strip().rpartition("\n\n")[2])
    return bundle
