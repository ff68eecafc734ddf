"""`truc witness`: remember the last checkpoint of a node's ledger, and sign the next one only where it continues it.

If we die between two steps: what was seen is on disk before anything is signed, so a witness that comes back never
signs what does not continue what it signed; a line that was not sent is signed anew in the next round.
"""

import asyncio
import fcntl
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.terminal import complain, note, read_file
from app.errors import Conflict, NodeFault, RequestInvalid, Unavailable

if TYPE_CHECKING:
    from app.ledger.witness import Inconsistent, Memory
    from app.remote.fetch import Fetch
    from app.signing.note import NoteSigner

_ANSWER_OCTETS_MAX: Final = 256 * 1024
"""Longest answer of a node: a proof has at most 106 hashes, a checkpoint some lines."""
_WAIT_STATUS: Final = 429


def witness(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the node.")],
    state: Annotated[Path, typer.Option(metavar="FILE", help="What the witness remembers; made when missing.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Its private key; made when missing.")],
    name: Annotated[str | None, typer.Option(help="Name of a key that is made; this machine's where left out.")] = None,
    log_key: Annotated[
        list[str] | None,
        typer.Option(metavar="VKEY", help="Verifier key of the ledger; may be repeated."),
    ] = None,
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Take the keys the node shows at the first time for the ledger's.")
    ] = False,
    post: Annotated[bool, typer.Option("--post", help="Give the cosignature to the node.")] = False,
    every: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="Go on, with this rest between two rounds.")
    ] = None,
) -> None:
    """Cosign the newest checkpoint of a node's ledger, where it continues the last one that was seen.

    Prints the checkpoint with the cosignature. Ends with 1, and keeps both checkpoints beside the state, where the
    ledger does not continue what was seen: then it was changed, or different people are shown different ledgers.
    """
    signer = _signer(key, name)
    note(f"witness key: {signer.verifier}")
    task = _Task(url.rstrip("/"), state, signer, tuple(log_key or ()), trust_first, post)
    with _alone(state):
        asyncio.run(_rounds(task, every))


@dataclass(frozen=True, slots=True)
class _Task:
    url: str
    state: Path
    signer: "NoteSigner"
    log_keys: tuple[str, ...]
    trust_first: bool
    post: bool


async def _rounds(task: _Task, every: float | None) -> None:
    from app.remote.call import Limits
    from app.remote.fetch import Fetch

    # Whoever witnesses has chosen the node, so one within its own network is called too.
    fetch = Fetch(limits=Limits(), private=True, bytes_max=_ANSWER_OCTETS_MAX)
    try:
        while True:
            try:
                await _round(task, fetch)
            except NodeFault as error:
                if every is None:
                    raise
                complain(error)
            if every is None:
                return
            await asyncio.sleep(every)
    finally:
        fetch.close()


async def _round(task: _Task, fetch: "Fetch") -> None:
    from app.ledger.witness import Inconsistent
    from app.signing.checkpoint import open_checkpoint
    from app.signing.note import write_note

    memory = await _memory(task, fetch)
    text = (await _got(fetch, f"{task.url}/v1/ledger/checkpoint")).decode("utf-8", "replace")
    shown, opened = open_checkpoint(text, log=memory.keys)
    lines = [each.line for each in opened.signatures]
    log_note = write_note(opened.text, lines)
    wanted = memory.proof_wanted(shown)
    proof = await _proof(task, fetch, *wanted) if wanted else []
    try:
        memory.require_continued(shown, proof)
    except Inconsistent as error:
        _tell(task, memory, log_note, proof, error)
        raise
    at = datetime.now(UTC)
    _keep(task.state, replace(memory, note=log_note, seen_at=at).text())
    cosigned = write_note(opened.text, [*lines, task.signer.line(opened.text, at=at)])
    print(cosigned, flush=True)
    if task.post:
        await _give(task, fetch, cosigned)


async def _memory(task: _Task, fetch: "Fetch") -> "Memory":
    from app.ledger.witness import Memory
    from app.signing.note import VerifierKey

    keys: tuple[VerifierKey, ...] = tuple(VerifierKey.read(each) for each in task.log_keys)
    if task.state.exists():
        found = Memory.read(read_file(task.state).decode("utf-8", "replace"))
        # What was seen is signed by the keys of then; a key that is named now comes beside them.
        return replace(found, keys=(*found.keys, *(key for key in keys if key not in found.keys)))
    if not keys and task.trust_first:
        shown = (await _got(fetch, f"{task.url}/v1/ledger/keys")).decode("utf-8", "replace")
        keys = tuple(VerifierKey.read(each) for each in shown.splitlines())
        for each in keys:
            note(f"trusting the ledger key that the node shows: {each}")
    if not keys:
        raise RequestInvalid(
            f"{task.state} does not exist, so no key of the ledger is known: give it with --log-key, compared by "
            f"another way than this one, or say --trust-first"
        )
    return Memory(keys)


async def _proof(task: _Task, fetch: "Fetch", old: int, new: int) -> list[bytes]:
    from app.ledger.witness import read_proof

    answer = await _got(fetch, f"{task.url}/v1/ledger/proofs/consistency?from={old}&to={new}")
    try:
        return read_proof(answer)
    except RequestInvalid as error:
        raise Unavailable(f"{task.url} answers something else than a proof") from error


async def _got(fetch: "Fetch", url: str) -> bytes:
    from app.remote.fetch import Answer

    answer = await fetch.get(url)
    if isinstance(answer, Answer) and answer.status == 200:
        return answer.body
    raise Unavailable(f"{url}: {_said(answer)}")


async def _give(task: _Task, fetch: "Fetch", cosigned: str) -> None:
    from app.remote.fetch import Answer

    url = f"{task.url}/v1/ledger/cosignatures"
    answer = await fetch.post(url, cosigned.encode("utf-8"), {"Content-Type": "text/plain; charset=utf-8"})
    if isinstance(answer, Answer) and answer.status == 200:
        note("given to the node")
    elif isinstance(answer, Answer) and answer.status == _WAIT_STATUS:
        note(f"not given to the node, which has one that is hardly older: {_said(answer)}")
    elif isinstance(answer, Answer) and answer.status < 500:
        raise Conflict(f"the node does not take the cosignature: {_said(answer)}")
    else:
        raise Unavailable(f"{url}: {_said(answer)}")


def _said(answer: Any) -> str:
    from app.remote.fetch import Answer

    if not isinstance(answer, Answer):
        return str(answer.value)
    try:
        problem = json.loads(answer.body)
        findings = " ".join(f"{each['message']} {each['fix']}" for each in problem["findings"])
        return f"{answer.status} {findings or problem['detail']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"status {answer.status}"


def _tell(task: _Task, memory: "Memory", shown: str, proof: list[bytes], error: "Inconsistent") -> None:
    found = {
        "reason": error.broken.value,
        "found_at": datetime.now(UTC).isoformat(),
        "node": task.url,
        "log_keys": [str(each) for each in memory.keys],
        "seen_at": memory.seen_at.isoformat() if memory.seen_at else None,
        "seen": memory.note,
        "shown": shown,
        "proof": [each.hex() for each in proof],
    }
    # Once for what was seen and how it broke: a witness that goes on asking would fill the disk with it.
    known = hashlib.sha256(f"{found['reason']}\n{memory.note}".encode()).hexdigest()[:16]
    kept = task.state.with_name(f"{task.state.name}.split-{known}.json")
    if not kept.exists():
        _keep(kept, json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    note(f"NOT COSIGNED: {error.detail}.\nBoth signed checkpoints are kept in {kept}; they prove it.")
    note(f"KHÔNG KÝ XÁC NHẬN: {error.vietnamese}.\nHai điểm kiểm tra đã ký được lưu tại {kept} để làm bằng chứng.")


def _signer(path: Path, name: str | None) -> "NoteSigner":
    from app.ledger.witness import make_key, read_key
    from app.signing import key_files

    if not path.exists():
        key_files.make_folder(path.parent)
        key_files.create(path, make_key(name or socket.gethostname()).encode("utf-8"))
    signer = read_key(key_files.read(path).decode("utf-8", "replace"))
    if name not in (None, signer.name):
        raise RequestInvalid(f"the key in {path} is that of {signer.name!r}, not of {name!r}")
    return signer


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Keep a second witness away from the same state: between looking and keeping nobody else may sign."""
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with state.with_name(f"{state.name}.lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise Conflict(f"another witness works with {state}") from error


def _keep(path: Path, text: str) -> None:
    from app.signing import key_files

    key_files.replace(path, text.encode("utf-8"))
