"""A node that seals what several requests left in one go: what it costs to seal behind each is a test by itself."""

from tests.support.node import RunningNode


def unhurried(running: RunningNode) -> RunningNode:
    """Let the node seal at its interval, at once only where somebody waits for mail, or when a test says so."""
    bell = running.node.desk.doorbell
    nudge = bell.nudge

    def nudge_for_who_waits() -> None:
        if bell._waiting:
            nudge()

    bell.nudge = nudge_for_who_waits  # type: ignore[method-assign]
    return running
