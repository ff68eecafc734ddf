"""The xmlsec1 program: an implementation of XML signatures that shares nothing with ours but libxml2."""

import shutil
import subprocess
from pathlib import Path

from tests.support.pki import NOW, Identity, Pki

_EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
_IDS = [
    argument
    for name in ("MessageHeader", "edXMLBody", "edXML", "part")
    for argument in ("--id-attr:Id", f"{_EDXML}:{name}")
] + ["--id-attr:Id", "part"]


def program() -> str:
    """Where the program is; the suite's set-up installs it, so that it is missing is a failure."""
    found = shutil.which("xmlsec1")
    assert found, "the program xmlsec1 is missing; Debian has it in the package xmlsec1"
    return found


def accepts(octets: bytes, folder: Path, pki: Pki) -> bool:
    """Whether xmlsec1 finds the signature good and the certificate trusted."""
    path, root = folder / "signed.xml", folder / "root.pem"
    path.write_bytes(octets)
    root.write_text(pki.root_pem)
    found = subprocess.run(
        [
            program(),
            "--verify",
            "--trusted-pem",
            str(root),
            "--verification-gmt-time",
            f"{NOW:%Y-%m-%d+%H:%M:%S}",
            *_IDS,
            str(path),
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return found.returncode == 0


def sign(template: bytes, folder: Path, by: Identity) -> bytes:
    """Let xmlsec1 fill in digests, signature value and certificate of a template."""
    path, key, certificate = folder / "template.xml", folder / "key.pem", folder / "certificate.pem"
    path.write_bytes(template)
    key.write_bytes(by.key_pem())
    certificate.write_text(by.pem())
    found = subprocess.run(
        [program(), "--sign", "--privkey-pem", f"{key},{certificate}", *_IDS, str(path)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr.decode()
    return found.stdout
