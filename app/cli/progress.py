"""Bars that show how far a long command has come; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown_progress(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Give what a check tells its progress to: step, how many are done, of how many.

    Args:
        shown: whether a person reads; bars go to standard error, and only to a terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield lambda _step, _done, _total: None
        return
    with Progress(TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), console=console) as bars:
        known: dict[str, TaskID] = {}

        def told(step: str, done: int, total: int) -> None:
            if step not in known:
                known[step] = bars.add_task(step, total=total)
            bars.update(known[step], completed=done, total=total)

        yield told
