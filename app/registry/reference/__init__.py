"""The level-one codes of the country, with the article each comes from, as data that ships with the node.

Source: QĐ 20/2020/QĐ-TTg Phụ lục I, changed by QĐ 09/2025/QĐ-TTg. Which provinces merged on 1/7/2025 is taken from the
press, since no official notice of the codes per province was found: the rule of QĐ 09/2025/QĐ-TTg Đ2.2 (a province that
keeps its name keeps its code) was applied to that list. Level-one codes are the same in the form of
QCVN 102:2016/BTTTT: `H44` is `000.00.00.H44` (both lists name Nghệ An, Quảng Ninh, Tây Ninh, Phú Thọ and Văn phòng
Chính phủ alike).

What no source says is empty: the name of G37, who took over from the ministries closed in 2025, what the
reorganisation under the Fatherland Front did to I02 to I06. Blocks A (Party) and C (National Assembly) have ranges but
no published list of codes, so they are not here.
"""

import csv
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources

from app.edxml.organ_id import OrganId
from app.registry.acts import Act, Done
from app.registry.agency_csv import Line, Sheet
from app.registry.agency_import import Existing, ImportReport, register_all
from app.registry.model import Agency, AgencyStatus, Alias, Branch, Tier
from app.store.database import Database

_ZERO_GROUPS = "000.00.00."


@dataclass(frozen=True, slots=True)
class ReferenceAgency:
    """One row of the list.

    Attributes:
        code: level-one code, `H44`.
        block: its letter.
        name: as of 2025, or the last name of a closed one; empty where unknown.
        status: since the changes of 2025; None where no source says it.
        successor: code of the province it was merged into.
        valid_to: last day of a closed code.
        source: what the row was taken from.
    """

    code: OrganId
    block: str
    tier: Tier
    branch: Branch
    name: str
    status: AgencyStatus | None
    successor: OrganId | None
    valid_to: date | None
    source: str

    @property
    def thirteen_characters(self) -> OrganId:
        """The code in the form of QCVN 102:2016/BTTTT, equal at this level and only here."""
        return OrganId.parse(_ZERO_GROUPS + self.code.text)

    def agency(self, *, as_of: date | None = None) -> Agency:
        """Make the agency this row describes; where its status is unknown it counts as active.

        Args:
            as_of: as it was on this day: active until the last day of its code. Names are those of 2025 all the same.
        """
        if as_of is not None and self.valid_to is not None and as_of <= self.valid_to:
            return replace(self, status=AgencyStatus.ACTIVE, successor=None, valid_to=None).agency()
        return Agency(
            organ_id=self.code,
            name=self.name,
            tier=self.tier,
            branch=self.branch,
            aliases=(Alias(self.thirteen_characters),),
            status=self.status or AgencyStatus.ACTIVE,
            valid_to=self.valid_to,
            successor=self.successor,
        )


@cache
def level1() -> tuple[ReferenceAgency, ...]:
    """Read the list, in the order of the codes."""
    with resources.files(__name__).joinpath("level1.csv").open(encoding="utf-8") as file:
        return tuple(
            ReferenceAgency(
                code=OrganId.parse(row["code"]),
                block=row["block"],
                tier=Tier(row["tier"]),
                branch=Branch(row["branch"]),
                name=row["name"],
                status=AgencyStatus(row["status_2025"]) if row["status_2025"] else None,
                successor=OrganId.parse(row["successor"]) if row["successor"] else None,
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                source=row["source"],
            )
            for row in csv.DictReader(file)
        )


async def load_reference(database: Database, *, as_of: date | None = None, act: Act) -> Done[ImportReport]:
    """Register the agencies of the list that have a name and are not in the directory yet; what is there stays.

    Args:
        as_of: the order of this day, to which later reorganisations can be applied; None: that of today.

    Raises:
        RequestInvalid: another agency uses one of the codes as an alias.
        Unavailable: the database does not answer; nothing was kept.
    """
    named = [row for row in level1() if row.name]
    sheet = Sheet(tuple(Line(number, row.agency(as_of=as_of), {}) for number, row in enumerate(named, start=2)))
    return await register_all(database, sheet, existing=Existing.SKIP, act=act)
