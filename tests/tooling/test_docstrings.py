"""Every public function says which errors its caller may meet.

Ours, style guide: a `raise` of a class in the body asks for its name, or that of a parent in `app.errors`, in the
docstring. What is raised deeper down, or made by a function, is left to the reader.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import errors

ROOT = Path(__file__).parents[2]
# Not for callers to catch: they mean a bug here or spoilt data, or belong to a protocol of the language.
SILENT = {"AssertionError", "DataFault", "StopAsyncIteration", "StopIteration", "SystemExit"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _public_functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield within + node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, f"{within}{node.name}.")


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Walk the body, but not into functions and classes defined inside."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield node
            yield from _own_nodes(node)


def _raised(function: Function) -> set[str]:
    names = set()
    for node in _own_nodes(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = (
                raised.attr if isinstance(raised, ast.Attribute) else raised.id if isinstance(raised, ast.Name) else ""
            )
            if name[:1].isupper():
                names.add(name)
    return names - SILENT


def _accepted(name: str) -> set[str]:
    known = getattr(errors, name, None)
    parents = inspect.getmro(known) if inspect.isclass(known) else ()
    return {name, *(parent.__name__ for parent in parents if issubclass(parent, errors.TrucError))}


def undocumented(source: str) -> list[str]:
    """List `function: Error` for every raised class that the docstring does not name."""
    return [
        f"{name}: {raised}"
        for name, function in _public_functions(ast.parse(source).body)
        for raised in sorted(_raised(function))
        if not any(accepted in (ast.get_docstring(function) or "") for accepted in _accepted(raised))
    ]


def test_public_functions_name_the_errors_they_raise() -> None:
    rooms = ROOT / "app"
    found = {
        str(path.relative_to(ROOT)): missing
        for path in sorted(rooms.rglob("*.py"))
        # Handlers of HTTP and commands raise for the frame around them, which documents every answer.
        if path.relative_to(rooms).parts[0] not in {"routers", "console", "cli", "cli.py"}
        and (missing := undocumented(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("docstring", "found"),
    [("Read.", ["read: MalformedMarkup"]), ("Raises: MalformedMarkup", []), ("Raises: SubmissionRejected", [])],
)
def test_name_or_parent_in_the_docstring_is_enough(docstring: str, found: list[str]) -> None:
    source = f'def read():\n    """{docstring}"""\n    raise MalformedMarkup("x")\n'
    assert undocumented(source) == found


def test_errors_of_inner_and_private_functions_are_their_own() -> None:
    source = (
        'def _a():\n    raise KeyError\ndef b():\n    """B."""\n    def c():\n        raise ValueError\n    return c\n'
    )
    assert undocumented(source) == []
