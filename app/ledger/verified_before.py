"""How far a check of the log has come, as JSON to be kept: an interrupted one goes on from it, the next one after it.

Bound to the ledger by its size and root: tiles that give another root at that size show that what was verified was
changed since, and then it is not gone on from.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

from app.errors import RequestInvalid
from app.ledger.divergence import CheckReport, Divergence, Likely

FORMAT: Final = "truc-log-verify-1"


@dataclass(frozen=True, slots=True)
class VerifiedBefore:
    """What was verified.

    Attributes:
        size: events, from 0.
        root: of the tree over them, 32 octets.
        figures: what they count, `Recount.lines`; None where that is not known, and figures cannot be compared.
        whole: whether documents were compared to the end, too.
        after: up to which id documents were compared, where that was begun.
        report: what was found so far.
    """

    size: int
    root: bytes
    figures: Sequence[Sequence[Any]] | None = None
    whole: bool = False
    after: str | None = None
    report: CheckReport = field(default_factory=CheckReport)

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "format": FORMAT,
            "size": self.size,
            "root": self.root.hex(),
            "whole": self.whole,
            "after": self.after,
            "report": asdict(self.report),
            "figures": self.figures,
        }

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read what `written` gave.

        Raises:
            RequestInvalid: it is none.
        """
        try:
            _check_form(value)
            kept = value["report"]
            plain = {each.name: kept[each.name] for each in fields(CheckReport) if each.name != "divergences"}
            found = [
                Divergence(each["step"], each["place"], each["message"], Likely(each["likely"]))
                for each in kept["divergences"]
            ]
            report = CheckReport(**plain, divergences=found)
            root = bytes.fromhex(value["root"])
            return cls(int(value["size"]), root, value["figures"], bool(value["whole"]), value["after"], report)
        except (KeyError, TypeError, ValueError) as error:
            raise RequestInvalid("this is no state of `truc log verify`, or one of another release") from error


def _check_form(value: Any) -> None:
    if value["format"] != FORMAT:
        raise ValueError(value["format"])
