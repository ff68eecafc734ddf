"""Real signed documents by the thousand: made once, kept in a folder, sent in every round to a fresh node.

A corpus is two files: the documents one after the other, and a line for each that says where it begins and how long it
is. All of them are from agencies of one province, whose seals have RSA keys, to three other agencies; each has a
DocumentId of its own. The authorities behind the seals are kept beside them, and hold for five years.
"""

import itertools
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from app.edxml.write import write
from app.signing import xmldsig
from app.signing.certificates import pem_of
from app.simulation.country import AGENCIES, SYSTEMS, SimulatedAgency, System
from app.simulation.papers import Draft, Habits, Spelling, compose
from app.simulation.pki import Credential, make_issuer, make_root, seal_name

VERSION = 1
"""Of what is in the files; a corpus of another version is made anew."""
TEN_YEARS = timedelta(days=3_600)
FIVE_YEARS = timedelta(days=1_800)
SMALL = 20_000
MIX = ((2_000, 300), (10_000, 600), (100_000, 90), (2_000_000, 9), (10_000_000, 1))
"""How many of a thousand documents are how long, as X-Road publishes of its traffic."""
SENDERS = 6
RECIPIENTS = 3
TOGETHER = 100
_HABITS = Habits(Spelling.PLAIN, old_codes=False, zips=False, legal_ids=False)

SYSTEM: System = SYSTEMS[-1]
"""Whose documents they are: the system of one province."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents that were made.

    Attributes:
        documents: the file that holds them.
        index: the file that says where each begins and how many bytes it has.
        lengths: of each document, in bytes.
    """

    documents: Path
    index: Path
    lengths: tuple[int, ...]

    def bodies(self, first: int, count: int) -> list[bytes]:
        """Read so many of them, from this one on."""
        with self.documents.open("rb") as file:
            file.seek(sum(self.lengths[:first]))
            return [file.read(length) for length in self.lengths[first : first + count]]


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who vouches for the senders.

    Attributes:
        root: certificate in PEM.
        issuer: certificate in PEM.
        lists: revocation lists of both, in PEM; nothing is revoked.
        seals: certificate in PEM of each sender, by its code.
    """

    root: str
    issuer: str
    lists: tuple[str, ...]
    seals: dict[str, str]


def senders() -> tuple[SimulatedAgency, ...]:
    """Whoever sends."""
    return tuple(agency for agency in AGENCIES if agency.system == SYSTEM.name)[:SENDERS]


def authorities(folder: Path) -> Authorities:
    """Read the authorities of the corpora in this folder, made where there are none."""
    kept = json.loads(_authorities_file(folder).read_text(encoding="utf-8"))
    seals = {code: each["certificate"] for code, each in kept["seals"].items()}
    return Authorities(kept["root"], kept["issuer"], tuple(kept["lists"]), seals)


def lengths_of_mix(count: int) -> list[int]:
    """Give the lengths of so many documents as they are mixed, in an order that is always the same.

    The longest lie in the first nine tenths, so that a round that ends when the documents do has answered them.
    """
    lengths = [length for length, share in MIX for _ in range(round(count * share / 1_000))]
    lengths += [MIX[1][0]] * (count - len(lengths))
    rng = random.Random("mix")
    short = [length for length in lengths if length <= SMALL]
    rng.shuffle(short)
    tail = short[: count // 10]
    rest = short[count // 10 :] + [length for length in lengths if length > SMALL]
    rng.shuffle(rest)
    return rest + tail


def corpus(folder: Path, name: str, lengths: Sequence[int], *, told: Callable[[str], None]) -> Corpus:
    """Open the corpus of this name, made where it is not there or is shorter.

    Args:
        lengths: about how many bytes each document is to have; none is shorter than what a signed document needs.
        told: hears how far the making is.
    """
    documents, index = folder / f"{name}-{VERSION}.bin", folder / f"{name}-{VERSION}.index"
    there = _lengths_in(index)
    if len(there) < len(lengths):
        there = _make(folder, documents, index, lengths, told=told)
    return Corpus(documents, index, tuple(there[: len(lengths)]))


def _lengths_in(index: Path) -> list[int]:
    if not index.exists():
        return []
    return [int(line.split()[1]) for line in index.read_text(encoding="ascii").splitlines()]


def _make(
    folder: Path, documents: Path, index: Path, lengths: Sequence[int], *, told: Callable[[str], None]
) -> list[int]:
    # Before the processes, so that they share it.
    _authorities_file(folder)
    begins = range(0, len(lengths), TOGETHER)
    # DocumentIds differ between corpora, so that one node can be sent documents of several.
    number = 10_000_000 * (sum(documents.name.encode()) % 89 + 1)
    made: list[int] = []
    partial = documents.with_suffix(".partial")
    with partial.open("wb") as file, ProcessPoolExecutor(os.cpu_count()) as processes:
        pieces = processes.map(
            _signed_pieces,
            itertools.repeat(folder),
            [lengths[begin : begin + TOGETHER] for begin in begins],
            [number + begin for begin in begins],
        )
        for piece in pieces:
            for document in piece:
                file.write(document)
                made.append(len(document))
            if len(made) % (10 * TOGETHER) == 0:
                told(f"{len(made):,} of {len(lengths):,} documents signed")
    starts = itertools.accumulate(made, initial=0)
    # Without an index there is no corpus: at no moment does one go with other documents.
    index.unlink(missing_ok=True)
    partial.rename(documents)
    index.write_text("".join(f"{start} {length}\n" for start, length in zip(starts, made, strict=False)), "ascii")
    return made


def _signed_pieces(folder: Path, lengths: Sequence[int], number: int) -> list[bytes]:
    return list(signed(_credentials(folder), lengths, number=number))


def signed(credentials: dict[str, Credential], lengths: Sequence[int], *, number: int) -> Iterator[bytes]:
    """Make documents of about these lengths.

    Args:
        credentials: of the senders, by code.
        number: số of the first of them.
    """
    sending = senders()
    others = [agency for agency in AGENCIES if agency not in sending]
    rng = random.Random(number)
    at = datetime.now(UTC)
    # What is not the attachment; measured on the document before, for the first on one that is not kept.
    around = 7_000
    for step, length in ((0, 0), *enumerate(lengths)):
        sender = sending[(number + step) % len(sending)]
        recipients = tuple((agency, agency.code) for agency in rng.sample(others, RECIPIENTS))
        draft = Draft(sender, recipients, sizes=(max(length - around, 0) * 3 // 4,))
        message = replace(compose(draft, _HABITS, number=number + step, at=at, rng=rng), due_date=None)
        credential = credentials[sender.code]
        document = xmldsig.sign(
            write(message), key=credential.key, certificate=credential.certificate, chain=credential.chain
        )
        around = len(document) - len(message.attachments[0].content)
        if length:
            yield document


def _authorities_file(folder: Path) -> Path:
    path = folder / f"authorities-{VERSION}.json"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"*-{VERSION}.index"):
        stale.unlink()
    at = datetime.now(UTC).replace(microsecond=0)
    root = make_root("CA gốc (đo tốc độ)", at=at)
    issuer = make_issuer("CA phục vụ cơ quan (đo tốc độ)", root, at=at)
    seals = {}
    for agency in senders():
        name = seal_name(agency.name, agency.code)
        period = (at - timedelta(days=1), at + FIVE_YEARS)
        credential = issuer.issue(name, with_rsa=True, not_before=period[0], not_after=period[1])
        key = credential.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        seals[agency.code] = {"key": key.decode("ascii"), "certificate": pem_of(credential.certificate)}
    kept = {
        "root": root.pem,
        "issuer": issuer.pem,
        "lists": [each.revocation_list((), at=at, life=TEN_YEARS) for each in (root, issuer)],
        "seals": seals,
    }
    path.write_text(json.dumps(kept, indent=2), encoding="utf-8")
    return path


def _credentials(folder: Path) -> dict[str, Credential]:
    kept = json.loads(_authorities_file(folder).read_text(encoding="utf-8"))
    issuer = x509.load_pem_x509_certificate(kept["issuer"].encode())
    found = {}
    for code, each in kept["seals"].items():
        key = serialization.load_pem_private_key(each["key"].encode(), None)
        found[code] = Credential(key, x509.load_pem_x509_certificate(each["certificate"].encode()), (issuer,))
    return found
