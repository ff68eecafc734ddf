"""The directory in the words of the older protocols: listing units, registering one, cancelling a registration.

A system registers units below its own, as an administrator of that branch, where its client has `registry.write`. The
body of a registration is not covered by the signature of the request; only TLS protects it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.edxml.organ_id import OrganId
from app.errors import AgencyNotGranted, RequestInvalid
from app.node import Node
from app.registry import agencies as registry
from app.registry import directory
from app.registry.acts import Act
from app.registry.model import Agency, AgencyStatus, Client, SuspensionReason
from app.routers.compat import answers
from app.routers.compat.answers import Item
from app.routers.compat.systems import System

_PAGE: Final = 1_000
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
        try:
            fields: Any = json.loads(octets)
        except (ValueError, RecursionError) as error:
            raise RequestInvalid(f"the unit to register is not JSON: {error}"[:200]) from error
        if not isinstance(fields, dict):
            raise RequestInvalid("the unit to register is not a JSON object")
        given = {str(name): str(value).strip() for name, value in fields.items() if value not in (None, "")}
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


async def agencies(node: Node, _request: Request) -> Response:
    """List every unit that takes part."""
    return answers.listed([_unit(agency) async for agency in _active(node)])


async def synchronised(node: Node, _request: Request) -> Response:
    """List every unit with what clients keep copies up to date by, those that do not take part any more included."""
    return answers.listed([_copy(agency) async for agency in _all(node)])


async def by_decision_20(node: Node, _request: Request) -> Response:
    """List every unit by its code of QĐ 20/2020/QĐ-TTg, with the older one."""
    return answers.listed([_both_codes(agency) async for agency in _active(node)])


async def _active(node: Node) -> AsyncIterator[Agency]:
    async for agency in _all(node):
        if agency.status is AgencyStatus.ACTIVE:
            yield agency


async def _all(node: Node) -> AsyncIterator[Agency]:
    after: str | None = None
    while True:
        async with node.database.read() as tx:
            found = await directory.search(tx, after=after, limit=_PAGE)
        for agency in found:
            yield agency
        if len(found) < _PAGE:
            return
        after = found[-1].organ_id.text


def _unit(agency: Agency) -> Item:
    return {
        "id": agency.organ_id.text,
        "pid": agency.parent.text if agency.parent else "",
        "code": agency.organ_id.text,
        "name": agency.name,
        "mail": agency.contact.get("email", ""),
    }


def _copy(agency: Agency) -> Item:
    top = agency.organ_id.level_one or ""
    return {
        **_unit(agency),
        "centerCode": top,
        "version": agency.version,
        "deleted": agency.status is AgencyStatus.CLOSED,
        "isAgency": True,
    }


def _both_codes(agency: Agency) -> Item:
    codes = {code.form.value: code.text for code in reversed(agency.codes)}
    own = agency.organ_id.text
    return {
        "id": own,
        "code": codes.get("hierarchical", own),
        "name": agency.name,
        "mail": agency.contact.get("email", ""),
        "code102": codes.get("qcvn", own),
    }


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
