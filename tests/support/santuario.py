"""Apache Santuario, an implementation of XML signatures in Java that shares nothing with ours: many jobs, one process.

Debian has it in libxml-security-java. The few lines that call it are compiled at each run, with the Eclipse compiler,
because a whole Java development kit would be a download of 70 MB more.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.support.pki import Identity

_JARS = Path("/usr/share/java")
_COMPILER = _JARS / "eclipse-jdt-core.jar"
_LIBRARIES = [_JARS / name for name in ("xmlsec.jar", "slf4j-api.jar", "slf4j-nop.jar", "commons-codec.jar")]
_SOURCE = Path(__file__).with_name("Santuario.java")
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")


@dataclass(frozen=True)
class ToSign:
    """A document to be signed.

    Attributes:
        prefix: of the signature's elements; empty for the default namespace.
    """

    document: bytes
    by: Identity
    method: str
    canonicalization: str
    digest: str
    prefix: str


class Santuario:
    """Collects jobs and does them all at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: list[str] = []

    def sign(self, what: ToSign) -> Path:
        """Ask for a signature; the file is there after `run`."""
        number = len(self._jobs)
        paths = [self._folder / f"{number}.{name}" for name in ("unsigned.xml", "signed.xml", "key", "der")]
        key = what.by.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for path, octets in zip((paths[0], *paths[2:]), (what.document, key, what.by.der()), strict=True):
            path.write_bytes(octets)
        names = (str(path) for path in paths)
        self._jobs.append("\t".join(("sign", *names, what.method, what.canonicalization, what.digest, what.prefix)))
        return paths[1]

    def verify(self, document: bytes) -> int:
        """Ask whether every signature of a document holds; returns the number of the answer."""
        path = self._folder / f"{len(self._jobs)}.xml"
        path.write_bytes(document)
        self._jobs.append(f"verify\t{path}")
        return len(self._jobs) - 1

    def run(self) -> Sequence[str]:
        """Do the jobs; returns their answers, `true` or `false` and why."""
        java = shutil.which("java")
        assert java, "the program java is missing; Debian has it in the package default-jre-headless"
        for jar in (_COMPILER, *_LIBRARIES):
            assert jar.exists(), f"{jar} is missing; Debian: libxml-security-java, libeclipse-jdt-core-java"
        libraries = ":".join(map(str, _LIBRARIES))
        compiler = ("-cp", str(_COMPILER), "org.eclipse.jdt.internal.compiler.batch.Main", "-11", "-nowarn")
        _run(java, *_QUICK, *compiler, "-proc:none", "-cp", libraries, "-d", str(self._folder), str(_SOURCE))
        jobs = self._folder / "jobs"
        jobs.write_text("\n".join(self._jobs), encoding="utf-8")
        answers = _run(java, *_QUICK, "-cp", f"{libraries}:{self._folder}", "Santuario", str(jobs)).splitlines()
        assert len(answers) == len(self._jobs)
        return answers


def _run(*command: str) -> str:
    found = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert found.returncode == 0, (found.stdout + found.stderr).decode()
    return found.stdout.decode()
