"""Reading a list of certificates as an authority hands it over, every fault with its place. Pure.

Either a CSV file, or a ZIP archive with one CSV file at any place and the certificates beside it. The CSV is UTF-8,
separated by commas or semicolons, quoted as RFC 4180 says. Columns, in any order:

    organ_id      code of the agency, own or alias                     required
    kind          seal (if empty) or person
    certificate   PEM, or base64 of DER; authorities above it may follow
    file          name of a file in the archive instead, PEM or DER

A file `authorities.pem` of the archive holds authorities that stand above several of them.
"""

import base64
import binascii
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from cryptography import x509

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.findings import Finding
from app.registry.agency_csv import FINDINGS_MAX, Unreadable, decoded, fault, records
from app.registry.certificates import bundle_of
from app.registry.model import CertificateKind
from app.signing.certificates import fingerprint, parse_certificates

BYTES_MAX: Final = 32 * 1024 * 1024
ROWS_MAX: Final = 20_000
UNPACKED_BYTES_MAX: Final = 128 * 1024 * 1024
"""What all files of an archive may have together: 20,000 certificates with their authorities are far below."""
MEMBER_BYTES_MAX: Final = 32 * 1024 * 1024
AUTHORITIES: Final = "authorities.pem"
COLUMNS: Final = ("organ_id", "kind", "certificate", "file")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate and the place it comes from.

    Attributes:
        number: of the line it begins at, from 1.
        columns: where each field stands, from 1.
        above: authorities that came with it.
    """

    number: int
    columns: Mapping[str, int]
    code: OrganId
    kind: CertificateKind
    leaf: x509.Certificate
    above: tuple[x509.Certificate, ...]

    @property
    def sha256(self) -> str:
        """Digest of the certificate, hex."""
        return fingerprint(self.leaf)

    def place(self, field: str) -> str:
        """Return where a field of it stands, as `line:column`."""
        return f"{self.number}:{self.columns.get(field, 1)}"


@dataclass(frozen=True, slots=True)
class CertificateSheet:
    """A list, as far as it could be read.

    Attributes:
        authorities: those that came for all of them.
        faults: everything that is wrong so far.
    """

    entries: tuple[Entry, ...]
    authorities: tuple[x509.Certificate, ...] = ()
    faults: tuple[Finding, ...] = ()


def read_list(content: bytes) -> CertificateSheet:
    """Read a list as far as it can be read without the registry; takes seconds, so it belongs on a thread."""
    try:
        table, files = _unpacked(content) if content.startswith(b"PK\x03\x04") else (content, {})
        authorities = parse_certificates(files[AUTHORITIES]) if AUTHORITIES in files else ()
        return _read(table, files, authorities)
    except Unreadable as error:
        return CertificateSheet((), faults=(error.finding,))
    except RequestInvalid as error:
        return CertificateSheet((), faults=(fault("authorities", "1:1", error.detail, "Send PEM certificates."),))


def _read(table: bytes, files: Mapping[str, bytes], authorities: tuple[x509.Certificate, ...]) -> CertificateSheet:
    text = decoded(table)
    first_line = text.partition("\n")[0]
    rows = records(text, ";" if first_line.count(";") > first_line.count(",") else ",")
    _, header = next(rows, (1, []))
    columns = _columns(header)
    entries: list[Entry] = []
    faults: list[Finding] = []
    for number, cells in rows:
        if len(entries) >= ROWS_MAX:
            raise Unreadable(
                fault("rows-too-many", f"{number}:1", f"The file has more than {ROWS_MAX} rows.", "Split it.")
            )
        if len(faults) >= FINDINGS_MAX:
            break
        if len(cells) != len(columns):
            message = f"The row has {len(cells)} cells, the header {len(columns)}."
            faults.append(fault("cells", f"{number}:1", message, f"Give every row {len(columns)} cells."))
            continue
        given = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
        entry = _entry(given, files, number, columns, faults)
        if entry is not None:
            entries.append(entry)
    if not entries and not faults:
        faults.append(fault("empty", "1:1", "The file has no row below its header.", "Give one row per certificate."))
    return CertificateSheet(tuple(entries), authorities, tuple(faults))


def _columns(header: Sequence[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in header]
    wanted = f"Use these columns, each once: {', '.join(COLUMNS)}."
    for position, name in enumerate(names, start=1):
        if name not in COLUMNS or name in names[: position - 1]:
            message = f"The column {name[:_SHOWN]!r} is unknown or occurs twice."
            raise Unreadable(fault("column", f"1:{position}", message, wanted))
    if "organ_id" not in names or not {"certificate", "file"} & set(names):
        raise Unreadable(fault("column", "1:1", "organ_id, and certificate or file, are missing.", wanted))
    return {name: position for position, name in enumerate(names, start=1)}


def _entry(
    given: Mapping[str, str],
    files: Mapping[str, bytes],
    number: int,
    columns: Mapping[str, int],
    faults: list[Finding],
) -> Entry | None:
    def place(field: str) -> str:
        return f"{number}:{columns.get(field, 1)}"

    before = len(faults)
    code, kind = None, None
    try:
        code = OrganId.parse(given["organ_id"])
    except RequestInvalid as error:
        faults.append(fault("code", place("organ_id"), error.detail, "Give the agency's code."))
    try:
        kind = CertificateKind(given.get("kind") or CertificateKind.SEAL)
    except ValueError:
        shown = given["kind"][:_SHOWN]
        faults.append(fault("kind", place("kind"), f"{shown!r} is no kind of certificate.", "Write seal or person."))
    field = "certificate" if given.get("certificate") else "file"
    bundle: tuple[x509.Certificate, ...] = ()
    try:
        bundle = bundle_of(_octets(given, files))
    except RequestInvalid as error:
        fix = "Give the certificate as PEM, as base64 of DER, or as a file."
        faults.append(fault("certificate", place(field), error.detail, fix))
    if len(faults) > before or code is None or kind is None:
        return None
    # Behind its own column, whichever the row gave it in.
    placed = {**columns, "certificate": columns.get(field, 1)}
    return Entry(number, placed, code, kind, bundle[0], bundle[1:])


def _octets(given: Mapping[str, str], files: Mapping[str, bytes]) -> bytes:
    text, name = given.get("certificate", ""), given.get("file", "")
    if bool(text) == bool(name):
        raise RequestInvalid("give either certificate or file")
    if name:
        found = files.get(PurePosixPath(name).name.casefold())
        if found is None:
            raise RequestInvalid(f"the archive has no file {name[:_SHOWN]!r}")
        return found
    if "-----BEGIN" in text:
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestInvalid("the certificate is neither PEM nor base64") from error


def _unpacked(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return the one CSV file and the others, by their names without folders, in small letters."""
    files: dict[str, bytes] = {}
    left = UNPACKED_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > ROWS_MAX + 2:
                raise _archive(f"it has {len(members)} files")
            for member in members:
                name = PurePosixPath(member.filename).name.casefold()
                if name in files:
                    raise _archive(f"two of its files are called {name[:_SHOWN]!r}")
                # Read to a bound: what the archive says of a file's length is only said.
                with archive.open(member) as file:
                    files[name] = file.read(min(left, MEMBER_BYTES_MAX) + 1)
                left -= len(files[name])
                if left < 0 or len(files[name]) > MEMBER_BYTES_MAX:
                    raise _archive("its files are too long")
    # zipfile raises NotImplementedError for a compression it does not know, and RuntimeError for what is encrypted.
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise _archive(f"it cannot be unpacked ({error})") from error
    tables = [name for name in files if name.endswith(".csv")]
    if len(tables) != 1:
        raise _archive(f"it has {len(tables)} CSV files instead of one")
    return files.pop(tables[0]), files


def _archive(what: str) -> Unreadable:
    return Unreadable(
        fault("archive", "1:1", f"The archive cannot be used: {what}.", "Send one CSV file and the certificates.")
    )
