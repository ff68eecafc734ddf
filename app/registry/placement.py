"""What an agency's record must look like, and where in the directory it may stand. Pure: values in, findings out.

(1) alone    name, dates, contact, codes that do not repeat
(2) codes    nobody else has or had one of them
(3) place    parent and successor exist, the parent is not of a lower tier, nothing is above itself

Findings name the field in `location`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from app.edxml.organ_id import OrganId
from app.findings import Finding, Severity
from app.registry.model import Agency, Alias, LegacyForm, Leniency, LeniencyPeriod, Tier, oldest_first

NAME_LENGTH_MAX = 500
ALIASES_MAX = 50
POLICIES_MAX = 50
CONTACT_FIELDS = ("email", "telephone", "address", "website")
CONTACT_LENGTH_MAX = 500

_OURS = "ours"
_QD20_4 = "QĐ 20/2020/QĐ-TTg Đ4"
_SHOWN = 60


def check_alone(agency: Agency) -> list[Finding]:
    """Check (1) what the record says of itself."""
    found = [*_name(agency.name), *_contact(agency.contact), *_dates(agency), *_policies(agency.policies)]
    codes = [code.text for code in agency.codes]
    if len(set(codes)) < len(codes):
        repeated = sorted({code for code in codes if codes.count(code) > 1})
        found.append(
            _finding(
                "code-repeated", "aliases", f"The codes {repeated} occur more than once.", "Give every code one time."
            )
        )
    if len(agency.aliases) > ALIASES_MAX:
        found.append(
            _finding(
                "aliases-too-many",
                "aliases",
                f"{len(agency.aliases)} aliases are given.",
                f"Give at most {ALIASES_MAX}.",
            )
        )
    return found


def named_by_own_code(agency: Agency, owners: Mapping[str, str]) -> Agency:
    """Return the agency with parent and successor named by their own codes, where they were named by an alias.

    Args:
        owners: codes in use, each with the own code of its agency.
    """

    def own(code: OrganId | None) -> OrganId | None:
        owner = owners.get(code.text) if code else None
        return code if owner is None else OrganId.parse(owner)

    parent, successor = own(agency.parent), own(agency.successor)
    if (parent, successor) == (agency.parent, agency.successor):
        return agency
    return replace(agency, parent=parent, successor=successor)


def check_codes(agency: Agency, taken: Mapping[str, str]) -> list[Finding]:
    """Check (2) that no other agency has one of the codes.

    Args:
        taken: codes in use, each with the own code of its agency.
    """
    own = agency.organ_id.text
    found = []
    for code in agency.codes:
        owner = taken.get(code.text)
        if owner is None or (owner == own and code != agency.organ_id):
            continue
        found.append(
            _finding(
                "code-taken",
                "organ_id" if code == agency.organ_id else "aliases",
                f"The code {code} belongs to the agency {owner} already.",
                "Give a code that is not in the directory, or change the agency that has it.",
                source=_QD20_4,
            )
        )
    return found


def check_place(agency: Agency, tiers: Mapping[str, Tier]) -> list[Finding]:
    """Check (3) what the record says of other agencies.

    Args:
        tiers: of parent and successor, by own code, where they exist.
    """
    found = []
    if agency.parent is not None:
        found += _parent(agency, tiers.get(agency.parent.text))
    if agency.successor is not None:
        if agency.successor == agency.organ_id:
            found.append(
                _finding(
                    "successor-itself",
                    "successor",
                    f"The agency {agency.organ_id} is named as its own successor.",
                    "Name the agency that took over, or leave it out.",
                )
            )
        elif agency.successor.text not in tiers:
            found.append(
                _finding(
                    "successor-unknown",
                    "successor",
                    f"No agency has the code {agency.successor}, named as successor.",
                    "Register the successor first, or in the same file.",
                )
            )
    return found


def below_itself(agency: Agency) -> Finding:
    """Say that an agency would stand below itself."""
    return _finding(
        "cycle",
        "parent",
        f"With the parent {agency.parent}, the agency {agency.organ_id} stands below itself.",
        "Name a parent that is not part of this agency.",
        source=_QD20_4,
    )


def above_children(agency: Agency, child: Tier) -> Finding:
    """Say that an agency would be of a lower tier than one of its parts."""
    return _finding(
        "tier-order",
        "tier",
        f"An agency of the tier {child} is part of {agency.organ_id}, which would be of the tier {agency.tier}.",
        "Change the parts first, or give a tier that is not below theirs.",
    )


def _parent(agency: Agency, tier: Tier | None) -> list[Finding]:
    if agency.parent == agency.organ_id:
        return [below_itself(agency)]
    if tier is None:
        return [
            _finding(
                "parent-unknown",
                "parent",
                f"No agency has the code {agency.parent}, named as parent.",
                "Register the parent first, or in the same file.",
                source=_QD20_4,
            )
        ]
    if tier.depth > agency.tier.depth:
        return [
            _finding(
                "tier-order",
                "parent",
                f"The parent {agency.parent} is of the tier {tier}, below the tier {agency.tier} of {agency.organ_id}.",
                "Name a parent of the same tier or one above, or correct the tier.",
            )
        ]
    return []


def _name(name: str) -> list[Finding]:
    if not name.strip() or not name.isprintable():
        return [
            _finding("name-unusable", "name", "The name is empty or has control characters.", "Give the full name.")
        ]
    if len(name) > NAME_LENGTH_MAX:
        return [
            _finding(
                "name-too-long",
                "name",
                f"The name has {len(name)} characters: {name[:_SHOWN]!r}…",
                f"Give at most {NAME_LENGTH_MAX}.",
            )
        ]
    return []


def _contact(contact: Mapping[str, str]) -> list[Finding]:
    unknown = sorted(field for field in contact if field not in CONTACT_FIELDS)
    found = []
    if unknown:
        found.append(
            _finding(
                "contact-unknown",
                "contact",
                f"Contact has unknown fields: {', '.join(unknown)[:_SHOWN]!r}.",
                f"Use {', '.join(CONTACT_FIELDS)}.",
            )
        )
    for field, value in contact.items():
        if len(value) > CONTACT_LENGTH_MAX or not value.isprintable():
            found.append(
                _finding(
                    "contact-unusable",
                    "contact",
                    f"The contact's {field[:_SHOWN]!r} has {len(value)} characters or control characters.",
                    f"Give at most {CONTACT_LENGTH_MAX} printable characters.",
                )
            )
    return found


def _dates(agency: Agency) -> list[Finding]:
    spans: list[tuple[str, Agency | Alias | LeniencyPeriod]] = [
        ("valid_to", agency),
        *(("aliases", alias) for alias in agency.aliases),
        *(("policies", period) for period in agency.policies),
    ]
    return [
        _finding(
            "dates-reversed",
            field,
            f"The last day {span.valid_to} is before the first day {span.valid_from}.",
            "Give valid_from and valid_to in this order; both days are included.",
        )
        for field, span in spans
        if span.valid_from and span.valid_to and span.valid_to < span.valid_from
    ]


def _policies(policies: Sequence[LeniencyPeriod]) -> list[Finding]:
    if len(policies) > POLICIES_MAX:
        return [
            _finding("policies-too-many", "policies", f"{len(policies)} are given.", f"Give at most {POLICIES_MAX}.")
        ]
    found = [
        _finding(
            "policy-endless",
            "policies",
            f"The policy {period.mode.value!r} has no last day.",
            "Give valid_to: letting in what proves nothing is an exception that ends.",
            source="ours, decision 0015",
        )
        for period in policies
        if isinstance(period.mode, LegacyForm) and period.valid_to is None
    ]
    about_content = [period for period in policies if isinstance(period.mode, Leniency)]
    of_one_kind = [about_content, *([each for each in policies if each.mode is form] for form in LegacyForm)]
    return found + [
        _finding(
            "policies-overlap",
            "policies",
            f"A policy from {later.valid_from} begins before the one before it ends ({earlier.valid_to}).",
            "Give each day one policy of a kind at most; both valid_from and valid_to are included.",
        )
        for kind in of_one_kind
        for earlier, later in pairwise(oldest_first(kind))
        if earlier.valid_to is None or later.valid_from is None or later.valid_from <= earlier.valid_to
    ]


def _finding(defect: str, field: str, message: str, fix: str, *, source: str = _OURS) -> Finding:
    return Finding(f"ours.agency.{defect}", Severity.ERROR, message, fix, source, field)
