"""`truc certificate …`: what agencies sign with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, complain, member, note, print_fields, print_json, print_table, read_file
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.agency_import import ImportReport, Progress
    from app.registry.model import RegisteredCertificate
    from app.store.database import Database

app = typer.Typer(help="Certificates: what agencies sign with.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="AGENCY", help="Agency code, either form.")]
Digest = Annotated[str, typer.Argument(metavar="SHA256", help="Digest of the certificate, as `list` shows it.")]
_LIMIT = 500
_TOLD_ROWS = 1_000


@app.command()
def add(
    code: Code,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="PEM or DER; the certificate first, then authorities above it.")
    ],
    kind: Annotated[str, typer.Option(help="seal (of the agency) or person.")] = "seal",
    proof: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certification request of the same key, or a signed statement."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Register a certificate for an agency; it must lead to a trust anchor."""
    from app import settings as configuration
    from app.registry.certificates import Proof
    from app.registry.model import CertificateKind

    whose, bundle = member(CertificateKind, kind, "--kind"), read_file(file)
    shown = read_file(proof).decode("utf-8", "replace") if proof is not None else None

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.edxml.organ_id import OrganId
        from app.registry import certificates

        proven = Proof(shown, configuration.load().public_url) if shown is not None else None
        done = await certificates.register(database, OrganId.parse(code), bundle, whose, proof=proven, act=act)
        return done.value

    _show(operate(work), as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or ZIP with one; - reads standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the list, change nothing.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out certificates their agency has already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register the certificates of an authority's list, all or none; each fault is told with line and column.

    Columns: organ_id (required), kind (seal or person), certificate (PEM or base64 of DER) or file (of the archive).
    """
    content = read_file(file)

    async def work(database: "Database", act: "Act") -> "ImportReport":
        from app.registry.agency_import import Existing
        from app.registry.certificate_import import import_list

        existing = Existing.SKIP if skip_existing else Existing.REFUSE
        done = await import_list(database, content, dry_run=dry_run, existing=existing, act=act, tell=_tell)
        return done.value

    report = operate(work)
    if as_json:
        findings = [{"location": each.location, "code": each.code, "message": each.message} for each in report.findings]
        shown = {"rows": report.rows, "registered": report.registered, "skipped": report.skipped, "dry_run": dry_run}
        print_json({**shown, "findings": findings})
    else:
        verb = "would be registered" if dry_run else "registered"
        note(f"{report.rows} certificates read, {report.registered} {verb}, {report.skipped} were there already")
        if report.findings:
            complain(RequestInvalid(f"the list has {len(report.findings)} fault(s)", findings=report.findings))
    if report.findings:
        raise typer.Exit(1)


def _tell(progress: "Progress") -> None:
    if progress.of >= _TOLD_ROWS and progress.done:
        note(f"{progress.stage.value}: {progress.done} of {progress.of}")


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
    sha256: Digest,
    reason: Annotated[str, typer.Option(help="RFC 5280 §5.3.1: keyCompromise, superseded, …")] = "unspecified",
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%SZ"], metavar="MOMENT", help="From when on, UTC: 2026-11-20T09:30:00Z; else now."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a certificate no longer count at this node, for good, from now on or from a moment past."""
    from app.registry.model import RevocationReason

    why = member(RevocationReason, reason, "--reason")

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.registry import certificates

        moment = at.replace(tzinfo=UTC) if at is not None else None
        return (await certificates.revoke(database, sha256.lower(), reason=why, revoked_at=moment, act=act)).value

    _show(operate(work), as_json=as_json)
    if not as_json:
        note("documents accepted before stay accepted; a node that runs heeds this from the next document on")


@app.command()
def suspend(
    sha256: Digest,
    reason: Annotated[str, typer.Option(help="requested, key_compromised, system_compromised, …")] = "requested",
    as_json: Json = False,
) -> None:
    """Let a certificate not count at this node until it is reinstated."""
    from app.registry.model import SuspensionReason

    why = member(SuspensionReason, reason, "--reason")

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.registry import certificate_holds

        return (await certificate_holds.suspend(database, sha256.lower(), reason=why, act=act)).value

    _show(operate(work), as_json=as_json)


@app.command()
def reinstate(sha256: Digest, as_json: Json = False) -> None:
    """Let a suspended certificate count again from now on."""

    async def work(database: "Database", act: "Act") -> "RegisteredCertificate":
        from app.registry import certificate_holds

        return (await certificate_holds.reinstate(database, sha256.lower(), act=act)).value

    _show(operate(work), as_json=as_json)


def _show(certificate: "RegisteredCertificate", *, as_json: bool) -> None:
    if as_json:
        print_json(_view(certificate))
    else:
        print_fields(_view(certificate))


def _view(certificate: "RegisteredCertificate") -> dict[str, object]:
    from app.routers.certificates import CertificateView

    return CertificateView.of(certificate).model_dump(mode="json")
