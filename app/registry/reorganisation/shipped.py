"""Plans that ship with the node, as reference data; each file says what it was taken from."""

from datetime import date
from functools import cache
from importlib import resources

from app.errors import RequestInvalid
from app.registry import reference
from app.registry.reorganisation.plan import Plan
from app.registry.reorganisation.reading import read
from app.registry.reorganisation.written import from_yaml

_PREFIX, _SUFFIX = "reorganisation-", ".yaml"


@cache
def days() -> tuple[date, ...]:
    """Return the days that shipped plans take effect on."""
    names = (file.name for file in resources.files(reference).iterdir())
    plans = (name for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX))
    return tuple(sorted(date.fromisoformat(name.removeprefix(_PREFIX).removesuffix(_SUFFIX)) for name in plans))


def shipped(day: date) -> Plan:
    """Return the plan for a day.

    Raises:
        RequestInvalid: there is none.
    """
    if day not in days():
        raise RequestInvalid(f"no plan for {day} ships with the node; there are: {', '.join(map(str, days()))}")
    return read(from_yaml(resources.files(reference).joinpath(f"{_PREFIX}{day}{_SUFFIX}").read_bytes()))
