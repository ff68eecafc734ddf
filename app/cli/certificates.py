"""`truc certificate …`: what agencies sign with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, member, note, print_fields, print_json, print_table, read_file

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.model import RegisteredCertificate
    from app.store.database import Database

app = typer.Typer(help="Certificates: what agencies sign with.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="AGENCY", help="Agency code, either form.")]
_LIMIT = 500


@app.command()
def add(
    code: Code,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="PEM or DER; the certificate first, then authorities above it.")
    ],
    kind: Annotated[str, typer.Option(help="seal (of the agency) or person.")] = "seal",
    as_json: Json = False,
) -> None:
    """Register a certificate for an agency; it must lead to a trust anchor."""
    from app.registry.model import CertificateKind

    whose, bundle = member(CertificateKind, kind, "--kind"), read_file(file)

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.edxml.organ_id import OrganId
        from app.registry import certificates

        return (await certificates.register(database, OrganId.parse(code), bundle, whose, act=act)).value

    _show(operate(work), as_json=as_json)


@app.command("list")
def list_(code: Code, as_json: Json = False) -> None:
    """List an agency's certificates, expired and revoked ones included."""

    async def work(database: "Database", _act: "Act") -> "tuple[RegisteredCertificate, ...]":
        from app.edxml.organ_id import OrganId
        from app.registry import certificates, directory

        async with database.read() as tx:
            agency = await directory.get(tx, OrganId.parse(code))
            return await certificates.list_of(tx, agency.organ_id, limit=_LIMIT)

    found = operate(work)
    if as_json:
        print_json([_view(each) for each in found])
        return
    rows = ((each.sha256, each.kind.value, each.subject, each.not_after, each.status.value) for each in found)
    print_table(("sha256", "kind", "subject", "until", "status"), rows)


@app.command()
def revoke(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="Digest of the certificate, as `list` shows it.")],
    reason: Annotated[str, typer.Option(help="RFC 5280 §5.3.1: keyCompromise, superseded, …")] = "unspecified",
    as_json: Json = False,
) -> None:
    """Let a certificate no longer count at this node, for good, from now on."""
    from app.registry.model import RevocationReason

    why = member(RevocationReason, reason, "--reason")

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.registry import certificates

        return (await certificates.revoke(database, sha256.lower(), reason=why, act=act)).value

    _show(operate(work), as_json=as_json)
    if not as_json:
        note("documents accepted before stay accepted; a node that runs heeds this from the next document on")


def _show(certificate: "RegisteredCertificate", *, as_json: bool) -> None:
    if as_json:
        print_json(_view(certificate))
    else:
        print_fields(_view(certificate))


def _view(certificate: "RegisteredCertificate") -> dict[str, object]:
    from app.routers.certificates import CertificateView

    return CertificateView.of(certificate).model_dump(mode="json")
