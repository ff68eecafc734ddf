"""What the directory's calls take and show: agencies, their periods, and the report of an import."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.edxml.organ_id import OrganId
from app.registry.agencies import AgencyChanges
from app.registry.agency_import import ImportReport
from app.registry.model import (
    Agency,
    AgencyStatus,
    Alias,
    Branch,
    LegacyForm,
    Leniency,
    LeniencyPeriod,
    SuspensionReason,
    Tier,
)
from app.routers.clock import Day
from app.routers.problems import FindingView

Code = Annotated[str, Field(max_length=35, description="Agency code, either form.", examples=["000.00.00.G22"])]


class Contact(BaseModel):
    """How to reach an agency."""

    model_config = ConfigDict(extra="forbid")

    email: str | None = Field(default=None, max_length=500)
    telephone: str | None = Field(default=None, max_length=500)
    address: str | None = Field(default=None, max_length=500)
    website: str | None = Field(default=None, max_length=500)


class AliasPeriod(BaseModel):
    """A code that stands for the agency during some time only; both days included."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    valid_from: Day | None = Field(default=None, description="First day; null: since ever.")
    valid_to: Day | None = Field(default=None, description="Last day; null: without end.")


class PolicyPeriod(BaseModel):
    """How what the agency gets wrong is taken during some time; both days included."""

    model_config = ConfigDict(extra="forbid")

    mode: Leniency | LegacyForm = Field(
        description="What is wrong with the content: `lenient` accepts it with a warning, `strict` refuses it. "
        "A signature that proves nothing is refused unless its form is let in, with a last day: `unsigned`, `sha1`, "
        "`foreign-namespace`; such a document is INDETERMINATE and never reported as validly signed."
    )
    valid_from: Day | None = Field(default=None, description="First day, in Vietnam; null: since ever.")
    valid_to: Day | None = Field(default=None, description="Last day; null: without end.")


class AgencyView(BaseModel):
    """An agency of the directory."""

    organ_id: Code
    aliases: list[Code] = Field(description="Its other codes, former ones included.")
    alias_periods: list[AliasPeriod] = Field(description="When aliases are in force, for those that are not always.")
    name: str = Field(description="Full name.", examples=["Văn phòng Chính phủ"])
    tier: Tier = Field(description="Level of administration.")
    branch: Branch = Field(description="Part of the political system.")
    parent: Code | None = Field(description="Own code of the agency it is part of.")
    status: AgencyStatus = Field(description="Whether it takes part.")
    valid_from: date | None = Field(description="First day it exists; null: since ever.")
    valid_to: date | None = Field(description="Last day it exists; null: without end.")
    successor: Code | None = Field(description="Who took over when it was closed.")
    contact: Contact = Field(description="How to reach it.")
    policies: list[PolicyPeriod] = Field(description="How its mistakes are taken; other days as the node takes them.")
    version: int = Field(description="Counts the changes; also the ETag.")

    @classmethod
    def of(cls, agency: Agency) -> "AgencyView":
        """Show an agency."""
        bounded = [alias for alias in agency.aliases if alias.valid_from or alias.valid_to]
        return cls(
            organ_id=agency.organ_id.text,
            aliases=[alias.code.text for alias in agency.aliases],
            alias_periods=[
                AliasPeriod(code=alias.code.text, valid_from=alias.valid_from, valid_to=alias.valid_to)
                for alias in bounded
            ],
            name=agency.name,
            tier=agency.tier,
            branch=agency.branch,
            parent=agency.parent.text if agency.parent else None,
            status=agency.status,
            valid_from=agency.valid_from,
            valid_to=agency.valid_to,
            successor=agency.successor.text if agency.successor else None,
            contact=Contact(**agency.contact),
            policies=[
                PolicyPeriod(mode=each.mode, valid_from=each.valid_from, valid_to=each.valid_to)
                for each in agency.policies
            ],
            version=agency.version,
        )


class AgencyFields(BaseModel):
    """What an administrator may say of an agency; what is left out stays, or is empty for a new one."""

    model_config = ConfigDict(extra="forbid")

    aliases: list[Code | AliasPeriod] = Field(default=[], max_length=50, description="All its other codes.")
    parent: Code | None = Field(default=None, description="Own code of the agency it is part of.")
    valid_from: Day | None = Field(default=None, description="First day it exists.")
    valid_to: Day | None = Field(default=None, description="Last day it exists.")
    successor: Code | None = Field(default=None, description="Own code of who takes over.")
    contact: Contact = Field(default=Contact(), description="How to reach it.")
    policies: list[PolicyPeriod] = Field(
        default=[],
        max_length=50,
        description="How its mistakes are taken, by days; of one kind there is one at a time.",
    )

    def changes(self) -> AgencyChanges:
        """Return the fields that were given, as the registry takes them."""
        given: Any = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("parent", "successor"):
            if given.get(name) is not None:
                given[name] = OrganId.parse(given[name])
        if "aliases" in given:
            given["aliases"] = _aliases(given["aliases"])
        if "contact" in given:
            given["contact"] = given["contact"].model_dump(exclude_none=True)
        if "policies" in given:
            given["policies"] = tuple(
                LeniencyPeriod(each.mode, each.valid_from, each.valid_to) for each in given["policies"]
            )
        changes: AgencyChanges = given
        return changes


class NewAgency(AgencyFields):
    """An agency to register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organ_id": "000.00.00.G22",
                    "name": "Văn phòng Chính phủ",
                    "tier": "central",
                    "branch": "state",
                    "aliases": ["G22"],
                }
            ]
        }
    )

    organ_id: Code
    name: str = Field(min_length=1, max_length=500, description="Full name.")
    tier: Tier = Field(description="Level of administration.")
    branch: Branch = Field(description="Part of the political system.")

    def agency(self) -> Agency:
        """Return the agency.

        Raises:
            RequestInvalid: one of the codes is none.
        """
        given: Any = self.changes()
        return Agency(**(given | {"organ_id": OrganId.parse(self.organ_id)}))


class AgencyPatch(AgencyFields):
    """Changes of an agency; only the members that are given change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Văn phòng Chính phủ", "contact": {}}]})

    name: str = Field(default="", min_length=1, max_length=500, description="Full name.")
    tier: Tier = Field(default=Tier.CENTRAL, description="Level of administration.")
    branch: Branch = Field(default=Branch.STATE, description="Part of the political system.")


class ImportView(BaseModel):
    """What an import did, or would do."""

    rows: int = Field(description="Agencies in the file.")
    registered: int = Field(description="How many were registered, or would be; all of them or none.")
    skipped: int = Field(description="How many were left out because they exist.")
    dry_run: bool = Field(description="Whether nothing was written.")
    findings: list[FindingView] = Field(description="Faults by line:column; only a dry run reports them here.")

    @classmethod
    def of(cls, report: ImportReport) -> "ImportView":
        """Show a report."""
        return cls(
            rows=report.rows,
            registered=report.registered,
            skipped=report.skipped,
            dry_run=report.dry_run,
            findings=[FindingView.of(finding) for finding in report.findings],
        )


class Suspension(BaseModel):
    """Why an agency is stopped."""

    model_config = ConfigDict(extra="forbid")

    reason: SuspensionReason = Field(default=SuspensionReason.REQUESTED, description="A code; kept in the log.")


def _aliases(given: Sequence[str | AliasPeriod]) -> tuple[Alias, ...]:
    periods = [AliasPeriod(code=each) if isinstance(each, str) else each for each in given]
    return tuple(Alias(OrganId.parse(each.code), each.valid_from, each.valid_to) for each in periods)
