"""The directory in the words of the older protocols: listing units, registering one, cancelling a registration.

A system registers units below its own, as an administrator of that branch, where its client has `registry.write`. The
body of a registration is not covered by the signature of the request; only TLS protects it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.edxml.organ_id import OrganId, OrganIdForm
from app.errors import AgencyNotGranted, RequestInvalid
from app.node import Node
from app.registry import agencies as registry
from app.registry import directory
from app.registry.acts import Act
from app.registry.agency_list import ListedAgency, ListShape
from app.registry.model import Agency, AgencyStatus, Client, SuspensionReason
from app.routers.compat import answers
from app.routers.compat.answers import Item
from app.routers.compat.door import fields_of
from app.routers.compat.systems import System
from app.routers.conditions import takes_gzip

_CONTACT: Final = {"mail": "email", "email": "email", "mobile": "telephone", "address": "address"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A unit as a client wants it registered.

    Attributes:
        parent: code of the unit above it; None: the unit of the system itself.
        contact: by the names of the directory.
    """

    code: OrganId
    name: str
    parent: OrganId | None
    contact: Mapping[str, str]

    @classmethod
    def read(cls, octets: bytes) -> "Registration":
        """Read the body of a registration, in the form of either of the SDK's classes.

        Raises:
            RequestInvalid: it is no JSON object, or lacks the code or the name of the unit.
        """
        given = {name: text for name, value in fields_of(octets).items() if (text := value.strip())}
        if "code" not in given or "name" not in given:
            raise RequestInvalid("the unit to register needs code and name")
        above = given.get("pcode") or given.get("pid")
        return cls(
            OrganId.parse(given["code"]),
            given["name"],
            OrganId.parse(above) if above else None,
            {ours: given[theirs] for theirs, ours in _CONTACT.items() if theirs in given},
        )


async def register(node: Node, system: System, octets: bytes, *, at: datetime) -> None:
    """Register a unit below one that the system's client acts for; tier and branch are those of the unit above it.

    Raises:
        RequestInvalid: what is to be registered cannot be.
        AgencyNotGranted: the client does not act for the unit above it, or there is none: both answer alike.
        AlreadyExists: its code is in use.
        Unavailable: the database does not answer; nothing was kept.
    """
    wanted = Registration.read(octets)
    above = await _granted(node, system.registered, wanted.parent or system.agency)
    unit = Agency(
        organ_id=wanted.code,
        name=wanted.name,
        tier=above.tier,
        branch=above.branch,
        parent=above.organ_id,
        contact=wanted.contact,
    )
    await registry.register(node.database, unit, act=Act(system.client.client_id, at))


async def delete(node: Node, system: System, code: str, *, at: datetime) -> None:
    """Cancel the registration of a unit: it is suspended, which an administrator may take back; nothing is removed.

    Raises:
        RequestInvalid: the code is none.
        AgencyNotGranted: the client acts neither for the unit nor for the one above it, or there is none.
        Conflict: it does not take part any more.
        Unavailable: the database does not answer; nothing was kept.
    """
    asked = OrganId.parse(code)
    async with node.database.read() as tx:
        unit = await directory.find(tx, asked)
    if unit is None or not system.registered.may_act_for(unit):
        unit = await _below_granted(node, system.registered, unit, asked)
    act = Act(system.client.client_id, at)
    await registry.suspend(node.database, unit.organ_id, SuspensionReason.REQUESTED, act=act)


async def agencies(node: Node, request: Request) -> Response:
    """List every unit that takes part."""
    return await listed(node, request, _UNITS)


async def synchronised(node: Node, request: Request) -> Response:
    """List every unit with what clients keep copies up to date by, those that do not take part any more included."""
    return await listed(node, request, _COPIES)


async def by_decision_20(node: Node, request: Request) -> Response:
    """List every unit by its code of QĐ 20/2020/QĐ-TTg, with the older one."""
    return await listed(node, request, _BOTH_CODES)


async def listed(node: Node, request: Request, shape: ListShape) -> Response:
    """List units in a shape of the protocol's own, compressed where that is accepted."""
    made = await node.lists.ready(shape)
    return answers.ready(made, compressed=takes_gzip(request.headers.get("accept-encoding")))


async def name_of(node: Node, code: str) -> str:
    """Return what a unit is called."""
    async with node.database.read() as tx:
        found = await directory.find(tx, OrganId.parse(code))
    return found.name if found is not None else code


def active(item: Callable[[ListedAgency], Item]) -> Callable[[ListedAgency], Item | None]:
    """Leave units out that are closed or suspended."""
    return lambda agency: item(agency) if agency.status is AgencyStatus.ACTIVE else None


def _unit(agency: ListedAgency) -> Item:
    return {
        "id": agency.organ_id,
        "pid": agency.parent or "",
        "code": agency.organ_id,
        "name": agency.name,
        "mail": agency.email,
    }


def _copy(agency: ListedAgency) -> Item:
    return {
        **_unit(agency),
        "centerCode": OrganId.parse(agency.organ_id).level_one or "",
        "version": agency.version,
        "deleted": agency.status is AgencyStatus.CLOSED,
        "isAgency": True,
    }


def _both_codes(agency: ListedAgency) -> Item:
    own = agency.organ_id
    codes = {OrganId.parse(code).form: code for code in (*reversed(agency.aliases), own)}
    return {
        "id": own,
        "code": codes.get(OrganIdForm.HIERARCHICAL, own),
        "name": agency.name,
        "mail": agency.email,
        "code102": codes.get(OrganIdForm.QCVN, own),
    }


_UNITS: Final = answers.shape("units", active(_unit))
_COPIES: Final = answers.shape("copies", _copy)
_BOTH_CODES: Final = answers.shape("both-codes", active(_both_codes))


async def _granted(node: Node, client: Client, code: OrganId) -> Agency:
    async with node.database.read() as tx:
        found = await directory.find(tx, code)
    if found is None or not client.may_act_for(found):
        raise AgencyNotGranted(f"this client does not act for {code}")
    return found


async def _below_granted(node: Node, client: Client, unit: Agency | None, asked: OrganId) -> Agency:
    if unit is not None and unit.parent is not None:
        async with node.database.read() as tx:
            above = await directory.find(tx, unit.parent)
        if above is not None and client.may_act_for(above):
            return unit
    raise AgencyNotGranted(f"this client does not act for {asked}")
