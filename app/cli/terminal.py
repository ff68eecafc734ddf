"""What all commands have in common: options, how results are shown, how errors are told."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.errors import RequestInvalid, TrucError

E = TypeVar("E", bound=StrEnum)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
FILE_BYTES_MAX = 256 * 1024 * 1024
"""Longest file a command reads whole; twice what a node takes by default."""


def print_json(value: Any) -> None:
    """Print a value as JSON, keys in the order they were given."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows for people; numbers to the right, nothing cut off."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    kept = [list(row) for row in rows]
    if not kept:
        note("nothing to show")
        return
    for position, column in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[position], (int, float)) for row in kept)
        # What stands first names the row and is copied by hand; it must not be broken.
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=position == 0)
    for row in kept:
        table.add_row(*(_cell(each) for each in row))
    Console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one record for people, a field a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        print(f"{name:<{width}}  {_cell(value)}")


def note(text: str) -> None:
    """Say something beside the result."""
    print(text, file=sys.stderr)


def complain(error: TrucError) -> None:
    """Tell an error and its findings in a few lines."""
    note(f"truc: {error.title}: {error.detail}" if error.title not in error.detail else f"truc: {error.detail}")
    for finding in error.findings:
        place = f" at {finding.location}" if finding.location else ""
        note(f"  {finding.severity.value} {finding.code}{place}: {finding.message} {finding.fix} [{finding.source}]")


def read_file(path: Path) -> bytes:
    """Read a file, or standard input for `-`.

    Raises:
        RequestInvalid: it cannot be read, or is too long.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise RequestInvalid(f"{path}: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise RequestInvalid(f"{path} has more than {FILE_BYTES_MAX} bytes")
    return content


def write_file(path: Path | None, content: bytes) -> None:
    """Write a result to a file, or to standard output where there is none.

    Raises:
        RequestInvalid: it cannot be written.
    """
    if path is None or str(path) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise RequestInvalid(f"{path}: {error.strerror}") from error


def member(kind: type[E], text: str, option: str) -> E:
    """Read one of a closed list of words; a wrong one ends the command as wrongly called."""
    try:
        return kind(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is none of: {', '.join(kind)}", param_hint=option) from error


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case int():
            return f"{value:,}".replace(",", " ")
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(str, value)) or "–"
        case dict():
            return ", ".join(f"{name}: {each}" for name, each in value.items()) or "–"
        case _:
            return str(_plain(value))
