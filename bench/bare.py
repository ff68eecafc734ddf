"""The least that accepting documents can cost: parse, verify, hash, and be durable; no HTTP, no database, no rules.

    python -m bench.bare DOCUMENTS INDEX FIRST COUNT SECONDS SCRATCH

Verifies with lxml and cryptography alone: one parse, the canonical form without the signature, its digest, and the
value over the canonical SignedInfo with a key that was loaded before. SHA-256 over the document as it came; then 32
documents at a time are written and synced. Starts when a line comes in, and prints what it did as JSON.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from bench.corpus import Corpus

TOGETHER = 32
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
_PADDING, _SHA256 = padding.PKCS1v15(), hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Bare:
    """What the processes did together.

    Attributes:
        a_second: documents a second, of all processes.
        processor: seconds of the processor a document.
    """

    documents: int
    a_second: float
    processor: float


def verify(document: bytes, keys: dict[str, rsa.RSAPublicKey]) -> str:
    """Verify a document of the corpora and return its digest.

    Args:
        keys: of certificates that were seen, by their text.

    Raises:
        InvalidSignature: the value does not hold.
        ValueError: the digest is another one.
    """
    root = etree.fromstring(document, _PARSER)
    signature = next(root.iter(f"{_DS}Signature"))
    signed_info, value, key_info = signature[0], signature[1], signature[2]
    canonical = etree.tostring(signed_info, method="c14n", exclusive=True)
    certificate = next(key_info.iter(f"{_DS}X509Certificate")).text
    parent = signature.getparent()
    # What stands behind an element goes with it; behind these signatures stands nothing.
    parent.remove(signature)
    digest = hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()
    if base64.b64decode(next(signed_info.iter(f"{_DS}DigestValue")).text) != digest:
        raise ValueError("the digest is another one")
    key = keys.get(certificate)
    if key is None:
        loaded = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
        assert isinstance(loaded, rsa.RSAPublicKey)
        key = keys[certificate] = loaded
    key.verify(base64.b64decode(value.text), canonical, _PADDING, _SHA256)
    return hashlib.sha256(document).hexdigest()


def measure(corpus: Corpus, *, first: int, count: int, seconds: float, processes: int, scratch: Path) -> Bare:
    """Let so many processes work side by side on documents of the corpus, each on its share."""
    share = count // processes
    started = []
    for number in range(processes):
        given = (corpus.documents, corpus.index, first + number * share, share, seconds, scratch / f"bare-{number}")
        command = [sys.executable, "-m", "bench.bare", *map(str, given)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for each in started:
        _ = each.stdout.readline()  # type: ignore[union-attr]
    for each in started:
        each.stdin.write("go\n")  # type: ignore[union-attr]
        each.stdin.flush()  # type: ignore[union-attr]
    done = [json.loads(each.communicate()[0]) for each in started]
    documents = sum(each["documents"] for each in done)
    a_second = sum(each["documents"] / each["seconds"] for each in done)
    return Bare(documents, a_second, sum(each["processor"] for each in done) / documents)


def work(bodies: Sequence[bytes], *, seconds: float, scratch: Path) -> dict[str, float]:
    """Verify and keep documents until the time is over or they are at their end."""
    keys: dict[str, rsa.RSAPublicKey] = {}
    verify(bodies[0], keys)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began, busy, done = time.perf_counter(), time.process_time(), 0
    while done < len(bodies) and time.perf_counter() - began < seconds:
        together = bodies[done : done + TOGETHER]
        for body in together:
            verify(body, keys)
        os.writev(descriptor, together)
        os.fdatasync(descriptor)
        done += len(together)
    took = {"documents": done, "seconds": time.perf_counter() - began, "processor": time.process_time() - busy}
    os.close(descriptor)
    scratch.unlink()
    return took


def main(given: Sequence[str]) -> None:
    """Read the documents, wait for the word, work."""
    documents, index, first, count, seconds, scratch = given
    lengths = tuple(int(line.split()[1]) for line in Path(index).read_text(encoding="ascii").splitlines())
    bodies = Corpus(Path(documents), Path(index), lengths).bodies(int(first), int(count))
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(work(bodies, seconds=float(seconds), scratch=Path(scratch))))


if __name__ == "__main__":
    main(sys.argv[1:])
