"""`truc trust …`: the roots this node trusts, and what their authorities revoked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, print_fields, print_json, print_table, read_file

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.model import ImportedCrl, TrustAnchor
    from app.registry.revocation_sources import RevocationSource
    from app.store.database import Database

app = typer.Typer(help="Trust: root certificates and revocation lists.", no_args_is_help=True)

_LIMIT = 500


@app.command("add-anchor")
def add_anchor(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One self-signed certificate, PEM or DER.")],
    name: Annotated[str | None, typer.Option(help="What administrators call it; else the name of the file.")] = None,
    as_json: Json = False,
) -> None:
    """Trust a root, and every certificate below it, from now on."""
    content = read_file(file)

    async def work(database: "Database", act: "Act") -> "TrustAnchor":
        from app.registry import anchors

        return (await anchors.add_anchor(database, content, name=name or file.stem, act=act)).value

    view = _anchor(operate(work))
    print_json(view) if as_json else print_fields(view)


@app.command("add-crl")
def add_crl(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A complete revocation list, PEM or DER.")],
    as_json: Json = False,
) -> None:
    """Take in a certificate revocation list of an authority that is known here."""
    content = read_file(file)

    async def work(database: "Database", act: "Act") -> "ImportedCrl":
        from app.registry import revocation_lists

        return (await revocation_lists.import_crl(database, content, act=act)).value

    from app.routers.trust import RevocationListView

    view = RevocationListView.of(operate(work)).model_dump(mode="json")
    print_json(view) if as_json else print_fields(view)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the roots this node trusts."""

    async def work(database: "Database", _act: "Act") -> "tuple[TrustAnchor, ...]":
        from app.registry import anchors

        async with database.read() as tx:
            return await anchors.list_anchors(tx, limit=_LIMIT)

    found = operate(work)
    if as_json:
        print_json([_anchor(each) for each in found])
        return
    print_table(
        ("sha256", "name", "subject", "until"),
        ((each.sha256, each.name, each.subject, each.not_after) for each in found),
    )


@app.command("sources")
def sources(as_json: Json = False) -> None:
    """Show where revocations come from, and how fresh is what is known."""

    async def work(database: "Database", _act: "Act") -> "Sequence[RevocationSource]":
        from app.registry import revocation_sources

        async with database.read() as tx:
            return await revocation_sources.every_source(tx)

    from app.routers import clock
    from app.routers.revocation_sources import SourceView

    at = clock.now()
    found = [SourceView.of(each, at=at) for each in operate(work)]
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    print_table(
        ("source", "kind", "state", "fresh until", "failures", "issuer", "address", "problem"),
        (
            (
                each.sha256[:16],
                each.kind.value,
                each.state.value,
                each.fresh_until or "",
                each.failures,
                each.issuer,
                each.address,
                each.problem or "",
            )
            for each in found
        ),
    )


@app.command("add-source")
def add_source(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="crl or ocsp.")],
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="Distinguished name of an authority known here.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="http or https.")],
    as_json: Json = False,
) -> None:
    """Have an authority's revocations fetched from another place too."""

    async def work(database: "Database", act: "Act") -> "RevocationSource":
        from app import settings
        from app.errors import RequestInvalid
        from app.registry import revocation_sources
        from app.registry.revocation_sources import SourceKind

        if kind not in {each.value for each in SourceKind}:
            raise RequestInvalid("KIND is crl or ocsp")
        private = settings.load().revocation_private_targets
        done = await revocation_sources.add(
            database, kind=SourceKind(kind), issuer=issuer, address=address, private=private, act=act
        )
        return done.value

    from app.routers import clock
    from app.routers.revocation_sources import SourceView

    view = SourceView.of(operate(work), at=clock.now()).model_dump(mode="json")
    print_json(view) if as_json else print_fields(view)


@app.command("remove-source")
def remove_source(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="Digest of the source, or how it begins.")],
    as_json: Json = False,
) -> None:
    """Fetch from a source no longer; what it said stays known."""

    async def work(database: "Database", act: "Act") -> "RevocationSource":
        from app.errors import NotFound
        from app.registry import revocation_sources

        async with database.read() as tx:
            found = await revocation_sources.every_source(tx)
        named = [each.sha256 for each in found if each.sha256.startswith(sha256)]
        if len(named) != 1:
            raise NotFound(f"{len(named)} sources have a digest that begins with {sha256[:64]}")
        return (await revocation_sources.remove(database, named[0], act=act)).value

    from app.routers import clock
    from app.routers.revocation_sources import SourceView

    view = SourceView.of(operate(work), at=clock.now()).model_dump(mode="json")
    print_json(view) if as_json else print_fields(view)


def _anchor(anchor: "TrustAnchor") -> dict[str, object]:
    from app.routers.trust import AnchorView

    return AnchorView.of(anchor).model_dump(mode="json")
