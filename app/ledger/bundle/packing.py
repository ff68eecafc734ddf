"""Step 1: the files are those of the manifest, octet by octet, and the node signed the manifest."""

import hashlib
from typing import Final

from app.errors import RequestInvalid
from app.ledger.bundle import layout
from app.ledger.bundle.bounded_json import JsonRefused, read_object
from app.ledger.bundle.case import CLOCKS_APART_MAX, Case, moment_of
from app.ledger.bundle.steps import Tally

_MIMETYPE_OCTETS_MAX: Final = 100


def check_packing(case: Case, tally: Tally) -> None:
    """Take step 1."""
    mimetype = case.container.read(layout.MIMETYPE, octets_max=_MIMETYPE_OCTETS_MAX)
    if mimetype != layout.MEDIA_TYPE.encode("ascii"):
        tally.contradicted("container.mimetype", said=mimetype.decode("utf-8", "replace"))
    absent = sorted(layout.UNLISTED.difference(case.container.names))
    for name in absent:
        tally.contradicted("container.absent", file=name)
    if absent:
        return
    octets = case.container.read(layout.MANIFEST, octets_max=layout.MANIFEST_OCTETS_MAX)
    try:
        read_object(octets)
        manifest = layout.Manifest.read(octets)
    except (JsonRefused, RequestInvalid) as error:
        tally.contradicted("manifest.unreadable", why=error)
        return
    signed = _signed(case, tally, manifest, octets)
    _check_media_types(case, tally)
    whole = _check_files(case, tally, manifest)
    case.manifest = manifest
    if signed and whole:
        tally.proven("manifest.whole", files=len(manifest.files), node=manifest.node, made_at=manifest.made_at)


def _signed(case: Case, tally: Tally, manifest: layout.Manifest, octets: bytes) -> bool:
    claims = case.signed_by_node(tally, layout.MANIFEST_SIGNATURE, typ=layout.SIGNATURE_TYP)
    if claims is None:
        return False
    made_at = moment_of(manifest.made_at)
    pairs: dict[str, tuple[object, object]] = {
        "manifest_sha256": (claims.get("manifest_sha256"), hashlib.sha256(octets).hexdigest()),
        "iss": (claims.get("iss"), manifest.node),
        "iat": (claims.get("iat"), int(made_at.timestamp()) if made_at is not None else None),
    }
    agrees = tally.agrees("agrees.not", f"{layout.MANIFEST_SIGNATURE} / {layout.MANIFEST}", pairs)
    if made_at is not None and made_at > case.now + CLOCKS_APART_MAX:
        tally.missing("manifest.future", made_at=manifest.made_at)
    return agrees


def _check_files(case: Case, tally: Tally, manifest: layout.Manifest) -> bool:
    """Compare every member with what the manifest says of it."""
    whole = True
    listed = {file.name: file for file in manifest.files}
    for name in sorted(case.container.names - listed.keys() - layout.UNLISTED):
        tally.contradicted("manifest.unlisted", file=name)
        whole = False
    for file in manifest.files:
        if file.name not in case.container:
            tally.contradicted("container.absent", file=file.name)
            whole = False
            continue
        digest = hashlib.sha256()
        if case.container.size_of(file.name) == file.size:
            for piece in case.container.pieces(file.name):
                digest.update(piece)
        if digest.hexdigest() != file.sha256:
            tally.contradicted("manifest.digest", file=file.name)
            whole = False
    return whole


def _check_media_types(case: Case, tally: Tally) -> None:
    """Compare the container's own list of files (ETSI EN 319 162-1 Annex A.2), which the manifest does not cover."""
    names = [name for name in case.container.names if name not in (layout.MIMETYPE, layout.MEDIA_TYPES)]
    expected = layout.media_types(names)
    if case.container.size_of(layout.MEDIA_TYPES) != len(expected) or (
        case.container.read(layout.MEDIA_TYPES, octets_max=len(expected)) != expected
    ):
        tally.contradicted("container.media-types")
