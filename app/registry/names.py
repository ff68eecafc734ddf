"""What people call the codes a report is broken down by, today."""

from collections.abc import Collection
from datetime import date

from app.edxml.document_types import LABELS
from app.registry import directory
from app.statistics.reports import GroupBy
from app.store.database import Transaction


async def names_for(tx: Transaction, by: GroupBy, codes: Collection[str], *, on: date) -> dict[str, str]:
    """Return the name of each of these codes that has one.

    Args:
        by: what the codes are of; months, tiers and branches have no names.
        on: the day codes are looked up on.
    """
    match by:
        case GroupBy.DOCUMENT_TYPE:
            return {code: LABELS[code] for code in codes if code in LABELS}
        case GroupBy.PROVINCE:
            # The agency at the top of a unit has one of these codes, depending on the form it uses.
            forms = {form: unit for unit in codes if unit for form in (f"000.00.00.{unit}", unit)}
            known = await directory.resolve(tx, forms.keys(), on=on)
            return {unit: known[form].name for form, unit in forms.items() if form in known}
        case GroupBy.AGENCY:
            known = await directory.resolve(tx, set(codes) - {""}, on=on)
            return {code: agency.name for code, agency in known.items()}
        case _:
            return {}
