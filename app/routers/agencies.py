"""The directory over HTTP: who takes part, under which codes, and the changes administrators make."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.edxml.organ_id import OrganId
from app.errors import NotFound, RequestInvalid
from app.registry import agencies, agency_import, directory, history
from app.registry.acts import Done
from app.registry.agency_csv import BYTES_MAX as FILE_BYTES_MAX
from app.registry.agency_import import Existing, ImportReport, Tell
from app.registry.model import (
    Agency,
    AgencyStatus,
    Branch,
    Tier,
)
from app.routers import problems, progress
from app.routers.access import Acting, AtNode, require
from app.routers.agency_views import AgencyPatch, AgencyView, ImportView, NewAgency, Suspension
from app.routers.calls import calls, octets
from app.routers.clock import Day
from app.routers.conditions import (
    CSV,
    JSON,
    NDJSON,
    ExpectedVersion,
    KnownVersion,
    etag,
    if_none_match,
    mark,
    negotiate,
)
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Registry")

_FILE = octets(FILE_BYTES_MAX, CSV)


@router.get(
    "/v1/agencies",
    summary="Search the directory",
    response_model=Page[AgencyView],
    dependencies=[require()],
    responses=problems.answers(422),
)
async def list_agencies(
    node: AtNode,
    window: Paged,
    q: Annotated[
        str | None, Query(max_length=200, description="Words of the name, or a code; beginnings will do.")
    ] = None,
    tier: Annotated[Tier | None, Query(description="Only of this tier.")] = None,
    branch: Annotated[Branch | None, Query(description="Only of this branch.")] = None,
    parent: Annotated[str | None, Query(max_length=35, description="Only direct parts of this agency.")] = None,
    within: Annotated[str | None, Query(max_length=35, description="Only this agency and all below it.")] = None,
    status: Annotated[AgencyStatus | None, Query(description="Only with this status.")] = None,
    as_of: Annotated[Day | None, Query(description="As they were at the end of this day, in Vietnam.")] = None,
) -> Page[AgencyView]:
    """List agencies in the order of their codes, compared byte by byte.

    Each word of `q` begins a word of the name, without regard to accents (đ is d), case and punctuation; a word with a
    digit may also begin one of the codes, or a group of one, in either form: `000.00.18.G12`, `18.G12` and `G12.18`
    find the same agency. With `as_of`, agencies that existed on that day are found and shown as they were: name, tier,
    branch, parent, status and successor are of that day, the rest is of today.
    """
    above = OrganId.parse(parent) if parent is not None else None
    top = OrganId.parse(within) if within is not None else None
    async with node.database.read() as tx:
        found = await directory.search(
            tx,
            q=q,
            tier=tier,
            branch=branch,
            parent=above,
            within=top,
            status=status,
            as_of=as_of,
            after=window.text_after(),
            limit=window.fetch,
        )
    return page(found, window, shape=AgencyView.of, key=lambda agency: (agency.organ_id.text,))


@router.get(
    "/v1/agencies/{organ_id}",
    summary="Look up one agency",
    response_model=AgencyView,
    dependencies=[require()],
    responses={200: {"headers": header("ETag")}, 304: {"headers": header("ETag")}, **problems.answers(404)},
)
async def get_agency(
    node: AtNode,
    organ_id: str,
    response: Response,
    known: KnownVersion = None,
    as_of: Annotated[Day | None, Query(description="As it was at the end of this day, in Vietnam.")] = None,
) -> AgencyView | Response:
    """Return the agency that has or had this code, in either form; closed ones name their successor.

    With `as_of`, name, tier, branch, parent, status and successor are of that day, the rest is of today.
    """
    async with node.database.read() as tx:
        agency = await directory.get(tx, code_in_path(organ_id))
        if as_of is not None:
            then = (await history.as_of(tx, [agency], on=as_of)).get(agency.organ_id.text)
            if then is None:
                raise NotFound(f"the agency {agency.organ_id} had not begun on {as_of}")
            return AgencyView.of(then)
    tag = etag(agency.version)
    if if_none_match(known, tag):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return AgencyView.of(agency)


@router.post(
    "/v1/agencies",
    summary="Register an agency",
    status_code=201,
    response_model=AgencyView,
    responses={201: {"headers": header("Location", "ETag", "Idempotent-Replayed")}, **problems.answers(409, 422)},
)
async def register_agency(node: AtNode, act: Acting, new: NewAgency, response: Response) -> AgencyView:
    """Enter an agency into the directory."""
    done = await agencies.register(node.database, new.agency(), act=act)
    response.headers["Location"] = f"/v1/agencies/{done.value.organ_id.text}"
    return _shown(done, response)


@router.patch(
    "/v1/agencies/{organ_id}",
    summary="Change an agency",
    response_model=AgencyView,
    responses={200: {"headers": header("ETag")}, **problems.answers(404, 409, 412, 422)},
)
async def change_agency(
    node: AtNode, act: Acting, organ_id: str, patch: AgencyPatch, expected: ExpectedVersion, response: Response
) -> AgencyView:
    """Change the fields that are given; the code never changes."""
    code = code_in_path(organ_id)
    done = await agencies.change(node.database, code, patch.changes(), if_match=expected, act=act)
    return _shown(done, response)


@router.post(
    "/v1/agencies/import",
    summary="Register many agencies from a file",
    response_model=ImportView,
    responses={
        200: {
            "headers": header("Idempotent-Replayed"),
            "content": {NDJSON: {"schema": {"type": "string", "description": "How far it is, and the outcome."}}},
        },
        **problems.answers(406, 409, 422),
    },
    openapi_extra=_FILE.description,
)
async def import_agencies(
    request: Request,
    node: AtNode,
    act: Acting,
    content: Annotated[bytes, Depends(_FILE)],
    response: Response,
    dry_run: Annotated[bool, Query(description="Only tell what would happen.")] = False,  # noqa: FBT002
    existing: Annotated[Existing, Query(description="What to do with rows whose code exists.")] = Existing.REFUSE,
    accept: Annotated[str | None, Header(description="NDJSON to be told how far it is.")] = None,
) -> ImportView | StreamingResponse:
    """Register all agencies of a CSV file, or none: one wrong line refuses the file, and every wrong line is named.

    100,000 agencies take most of a minute. Who accepts NDJSON is told meanwhile how far it is, a line at a time:
    `{"progress": {"stage": …, "done": …, "of": …}}`, then `{"report": …}` or `{"problem": …}`. Who loses the connection
    before the outcome repeats the request with its Idempotency-Key.
    """

    async def work(tell: Tell) -> Done[ImportReport]:
        return await agency_import.import_csv(
            node.database, content, dry_run=dry_run, existing=existing, act=act, tell=tell
        )

    if negotiate(accept, (JSON, NDJSON)) == NDJSON:
        lines = progress.as_lines(request, work, lambda done: ImportView.of(done.value))
        return StreamingResponse(lines, media_type=NDJSON)
    done = await work(lambda _progress: None)
    mark(response, replayed=done.replayed)
    return ImportView.of(done.value)


@router.post(
    "/v1/agencies/{organ_id}/suspend",
    summary="Suspend an agency",
    response_model=AgencyView,
    responses={200: {"headers": header("ETag", "Idempotent-Replayed")}, **problems.answers(404, 409, 412, 422)},
)
async def suspend_agency(
    node: AtNode,
    act: Acting,
    organ_id: str,
    expected: ExpectedVersion,
    response: Response,
    suspension: Suspension | None = None,
) -> AgencyView:
    """Stop an agency from sending and receiving until it is reinstated."""
    reason = (suspension or Suspension()).reason
    done = await agencies.suspend(node.database, code_in_path(organ_id), reason, if_match=expected, act=act)
    return _shown(done, response)


@router.post(
    "/v1/agencies/{organ_id}/reinstate",
    summary="Reinstate an agency",
    response_model=AgencyView,
    responses={200: {"headers": header("ETag", "Idempotent-Replayed")}, **problems.answers(404, 409, 412)},
)
async def reinstate_agency(
    node: AtNode, act: Acting, organ_id: str, expected: ExpectedVersion, response: Response
) -> AgencyView:
    """Let a suspended agency exchange again."""
    done = await agencies.reinstate(node.database, code_in_path(organ_id), if_match=expected, act=act)
    return _shown(done, response)


def code_in_path(text: str) -> OrganId:
    """Read the agency code of an address.

    Raises:
        NotFound: no code looks like this, so nobody has it.
    """
    try:
        return OrganId.parse(text)
    except RequestInvalid as error:
        raise NotFound("no agency has a code of this form") from error


def _shown(done: Done[Agency], response: Response) -> AgencyView:
    mark(response, version=done.value.version, replayed=done.replayed)
    return AgencyView.of(done.value)
