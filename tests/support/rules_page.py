"""Writes docs/rules.md from the code: every finding the node can give, where it comes from and what mends it.

`python -m tests.support.rules_page` writes it; a test compares. Tables of rules are read as values; other findings are
read from the source text, for there they are made where they are found.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.edxml import rules, vocabulary
from app.edxml.rule import Rule

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rules.md"
CODE = re.compile(r"(?:ours|etsi\d+|qcvn102|qd\d+|nd\d+|rfc\d+|xmldsig|xml1\.0)\.[a-z0-9.{}-]+")
_SEVERITIES = ("FATAL", "ERROR", "UNKNOWN", "WARNING", "INFO")
_ANY = "…"

_ROOMS = (
    ("Markup", ("markup",)),
    ("Signature", ("signing",)),
    ("Reading edXML", ("edxml",)),
    ("Trust and directory", ("registry",)),
    ("Sender, route, business and status", ("exchange",)),
    ("Webhooks", ("webhooks", "remote")),
    ("Doors of older protocols", ("routers/compat",)),
    ("Files, without a node", ("cli",)),
)
"""Sections of the page and the rooms of the code they are about."""

_FILLED = {
    "ours.signature.{}": ("algorithm", "dsa", "hmac", "md5", "sha1", "with-comments"),
    "ours.route.sender-{}": ("closed", "suspended"),
    "rfc5280.6.3.revocation-unknown.{}": ("no-list", "not-covered", "stale"),
}
"""What stands in codes that end in a value and not in a word written at the call."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: what the page says of it. Texts of others' values are shown as `…`."""

    code: str
    weight: str
    source: str
    message: str
    fix: str


@cache
def page() -> str:
    """Make the page."""
    tabled = {rule.code for table in (rules.DOCUMENT_RULES, rules.STATUS_RULES) for rule in table}
    parts = [_INTRODUCTION, "## Rules for document messages\n", *_table(rules.DOCUMENT_RULES)]
    parts += ["\n## Rules for status messages\n", *_table(rules.STATUS_RULES)]
    found = {room: _in_room(room) for _, rooms in _ROOMS for room in rooms}
    for title, rooms in _ROOMS:
        lines = _fullest(line for room in rooms for line in found[room] if line.code not in tabled)
        parts += [f"\n## {title}\n", "| code | weight | source | what was found | what mends it |"]
        parts += ["| --- | --- | --- | --- | --- |"]
        parts += [
            f"| `{line.code}` | {line.weight} | {line.source or _source_of(line.code)} "
            f"| {line.message or _by_defect(line.code)[0]} | {line.fix or _by_defect(line.code)[1]} |"
            for line in sorted(lines, key=lambda line: line.code)
        ]
    return "\n".join(parts) + "\n"


def _fullest(lines: Iterable[Line]) -> list[Line]:
    """Keep of each code what says most; findings of one code may be made in several places."""
    by_code: dict[str, Line] = {}
    for line in lines:
        known = by_code.get(line.code)
        if known is None or len(line.message + line.fix) > len(known.message + known.fix):
            by_code[line.code] = line
    return list(by_code.values())


def _by_defect(code: str) -> tuple[str, str]:
    return _BY_DEFECT.get(code.rpartition("-")[2], _BY_DEFECT[""])


def _source_of(code: str) -> str:
    regulation, _, clause = code.partition(".")
    number = ".".join(part for part in clause.split(".") if part[:1].isdigit())
    if regulation.startswith("etsi"):
        return f"ETSI EN {regulation[4:7]} {regulation[7:]}-1 §{number}"
    if regulation.startswith("rfc"):
        return f"RFC {regulation[3:]} §{number}"
    return {
        "qcvn102": "QCVN 102:2016/BTTTT",
        "xml1": f"XML 1.0 §{number[2:]}",
        "xmldsig": f"XML Signature 1.1 §{number}",
    }.get(regulation, "ours")


def _table(table: tuple[Rule[Any], ...]) -> Iterator[str]:
    yield "| code | weight | taken strictly | in force | source | meaning | what mends it |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for rule in table:
        function = getattr(rule.breaches, "func", rule.breaches)
        meaning = (inspect.getdoc(function) or "Not longer than the annex allows.").partition("\n")[0]
        fixes = list(dict.fromkeys(_fixes(function)))
        since = f"from {rule.in_force_from}" if rule.in_force_from else ""
        until = f"until {rule.in_force_until}" if rule.in_force_until else ""
        force = " ".join(each for each in (since, until) if each) or "always"
        strict = rule.strict.value if rule.strict else "the same"
        cells = (f"`{rule.code}`", rule.severity.value, strict, force, rule.source, meaning, " ".join(fixes))
        yield f"| {' | '.join(map(_cell, cells))} |"


def _fixes(function: Any) -> Iterator[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    constants = vars(inspect.getmodule(function))
    for call in _calls(tree):
        match _name(call):
            case "Breach":
                yield _text(call.args[1], constants)
            case "missing":
                fix = call.args[2] if len(call.args) > 2 else None
                yield _text(fix, constants) if fix is not None else f"Fill in {_text(call.args[0], constants)}."
            case _:
                if isinstance(helper := constants.get(_name(call)), type(_fixes)) and "Breach" in inspect.getsource(
                    helper
                ):
                    yield from _fixes(helper)


def _in_room(room: str) -> Iterator[Line]:
    for path in sorted((ROOT / "app" / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = _constants(tree)
        helpers = _helpers(tree) | _SHARED
        for call in _calls(tree):
            yield from _lines(call, constants, helpers)


@dataclass(frozen=True, slots=True)
class _Helper:
    """A function that makes findings: the code with a gap, and which of its parameters say what."""

    code: str
    gap: int | None
    parameters: tuple[str, ...]
    weight: str
    source: str


def _helpers(tree: ast.Module) -> dict[str, _Helper]:
    constants = _constants(tree)
    found = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        parameters = tuple(each.arg for each in every)
        for text in ast.walk(function):
            if not isinstance(text, ast.JoinedStr):
                continue
            gaps = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
            named = [gap.id for gap in gaps if isinstance(gap, ast.Name) and gap.id in parameters]
            code = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in text.values)
            if len(gaps) == len(named) == 1 and CODE.fullmatch(code):
                source = _keyword(function, "source", constants)
                found[function.name] = _Helper(code, parameters.index(named[0]), parameters, _weight(function), source)
    return found


def _lines(call: ast.Call, constants: dict[str, Any], helpers: dict[str, _Helper]) -> Iterator[Line]:
    texts = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    helper = helpers.get(_name(call))
    if helper is not None and helper.gap is not None:
        texts |= dict(zip(helper.parameters, call.args, strict=False))
        filled = texts.get(helper.parameters[helper.gap])
        for word in _choices(filled):
            yield Line(
                helper.code.replace("{}", word),
                _weight(call) or helper.weight or "error",
                _cell(_text(texts.get("source"), constants) or helper.source),
                _cell(_text(texts.get("message"), constants)),
                _cell(_text(texts.get("fix"), constants)),
            )
        return
    if _name(call) == "Finding":
        texts |= dict(zip(("code", "severity", "message", "fix", "source"), call.args, strict=False))
    else:
        said = [each for each in call.args if isinstance(each, ast.Constant | ast.JoinedStr | ast.IfExp)]
        given = [each for each in call.args if any(_codes(each, constants))]
        behind = [each for each in said if given and call.args.index(each) > call.args.index(given[0])]
        texts |= dict(zip(("code", "message", "fix"), (*given[:1], *behind), strict=False))
    for code in _codes(texts.get("code"), constants):
        yield Line(
            code,
            _weight(call) or "error",
            _cell(_text(texts.get("source"), constants)),
            _cell(_text(texts.get("message"), constants)),
            _cell(_text(texts.get("fix"), constants)),
        )


def _codes(argument: ast.expr | None, constants: dict[str, Any]) -> Iterator[str]:
    for text in _choices(argument, constants):
        if CODE.fullmatch(text) and "{" not in text:
            yield text
    if isinstance(argument, ast.JoinedStr):
        pattern = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in argument.values)
        yield from (pattern.replace("{}", word) for word in _FILLED.get(pattern, ()))


def _choices(argument: ast.expr | None, constants: dict[str, Any] | None = None) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_choices(body, constants), *_choices(orelse, constants))
        case ast.Name(id=name) if isinstance((constants or {}).get(name), str):
            yield (constants or {})[name]
        case _:
            pass


def _text(node: ast.expr | None, constants: dict[str, Any]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(attr=name) if isinstance(vars(vocabulary).get(name), str):
            return str(vars(vocabulary)[name])
        case ast.IfExp(body=body):
            return _text(body, constants)
        case ast.JoinedStr(values=values):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else _shown(part, constants) for part in values
            )
        case ast.Name(id=name):
            return str(constants[name]) if isinstance(constants.get(name), str) else ""
        case _:
            return ""


def _shown(part: ast.expr, constants: dict[str, Any]) -> str:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    named = value.id if isinstance(value, ast.Name) else str(getattr(value, "attr", ""))
    known = constants.get(named) or vars(vocabulary).get(named)
    return str(known) if isinstance(known, str | int) else _ANY


def _constants(tree: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant | ast.JoinedStr):
                found[target.id] = value.value if isinstance(value, ast.Constant) else _text(value, found)
    return found


def _keyword(function: ast.FunctionDef, name: str, constants: dict[str, Any]) -> str:
    defaults = dict(zip((each.arg for each in function.args.kwonlyargs), function.args.kw_defaults, strict=True))
    if text := _text(defaults.get(name), constants):
        return text
    for call in _calls(function):
        if _name(call) == "Finding":
            given = {each.arg: each.value for each in call.keywords}
            node = given.get(name) or (call.args[4] if len(call.args) > 4 else None)
            return _text(node, constants)
    return ""


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _weight(node: ast.AST) -> str:
    named = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and each.attr in _SEVERITIES}
    return " or ".join(severity.lower() for severity in _SEVERITIES if severity in named)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


_INTRODUCTION = """# Rules of the node

Every finding the node can give, with where it comes from and what mends it. Written from the code by
`python -m tests.support.rules_page`; do not edit. `…` stands for a value of the message.

- **Weight**: `fatal` and `error` refuse, `warning` and `info` do not; they are kept with the document. `unknown` leaves
  what it is about unproven (INDETERMINATE), and refuses only where a policy says so.
- **Taken strictly**: the weight for a sender who is taken strictly on the day
  ([decision 0013](decisions/0013-codes-search-and-secrecy.md)): its own policy of that day, else `TRUC_STRICT_RULES`,
  else the dated rule of `app/regulations/vietnam.toml`, which a file of the operator may replace.
- **In force**: days in Vietnam, both included. When the law changes, a rule gets a last day and its successor a first.
- Which status may follow which, and the dated rules about time, are tables of their own:
  [decision 0005](decisions/0005-status-moves.md), `app/regulations/vietnam.toml`.
"""
_BY_DEFECT = {
    "missing": ("what the code names is missing or empty", "Fill it in."),
    "malformed": ("what the code names is not written as the standard says", "Write it in the form the finding shows."),
    "": ("the finding names the value", "What the finding asks for."),
}
"""For findings whose texts are put together elsewhere."""
_SHARED = {
    "fault": _Helper("ours.import.{}", 0, ("defect", "field", "message", "fix"), "error", "ours; RFC 4180"),
}

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
