"""A delivery as decisions 0005 and 0008 tell it, a second time and without the code that follows them."""

from dataclasses import dataclass

RANKED = ("available", "delivered", "arrived", "received", "assigned", "in_progress", "completed")
RANK_OF = {"01": 2, "03": 3, "04": 4, "05": 5, "06": 6}
ENDED_BY = {"02": "refused", "15": "withdrawn", "withdraw": "withdrawn", "expire": "expired"}


@dataclass
class Told:
    """The best rank ever reported, what ended it, what is asked or answered."""

    best: int = 0
    ended_by: str | None = None
    pending: str | None = None
    answer: str | None = None

    def allows(self, action: str) -> bool:
        if self.ended_by is not None:
            # A repeat of what a recipient ended a delivery with is accepted; withdrawn is withdrawn, however.
            return action == {"withdraw": "15"}.get(self.ended_by, self.ended_by) and action != "expire"
        match action:
            case "02":
                # Possible until the document was accepted (03).
                return self.best < RANK_OF["03"]
            case "15" | "16":
                # Needs something pending, or repeats the answer; agreeing to a withdrawal ends the delivery.
                return self.pending is not None or self.answer == action
            case "expire":
                # Who has it, or reported on it, did not leave it lying.
                return self.best == 0
            case _:
                return True

    def happen(self, action: str) -> None:
        if self.ended_by is not None:
            return
        match action:
            case "02" | "withdraw" | "expire":
                self.ended_by = action
            case "15" if self.pending == "withdrawal":
                self.ended_by = action
            case "15" | "16" if self.pending:
                self.pending, self.answer = None, action
            case "15" | "16" | "supersede":
                pass
            case "13" | "ask_withdrawal":
                self.pending, self.answer = "withdrawal", None
            case "ask_update":
                # What is to be given back is not updated.
                self.pending, self.answer = self.pending or "update", None
            case "acknowledge":
                self.best = max(self.best, 1)
            case _ if RANK_OF[action] > self.best:
                self.best, self.answer = RANK_OF[action], None

    @property
    def shown(self) -> str:
        if self.ended_by is not None:
            return ENDED_BY[self.ended_by]
        if self.pending:
            return f"{self.pending}_requested"
        return {None: RANKED[self.best], "15": "change_accepted", "16": "change_refused"}[self.answer]
