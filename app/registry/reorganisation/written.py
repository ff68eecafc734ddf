"""Plans as text: YAML or JSON into plain values, with the line of every place. Strict, and bounded in all directions.

Of YAML only what JSON has too: mappings, lists and scalars. Scalars are text however they look, so that `NO` is no
truth value and `2025-07-01` is read like everything else; anchors and aliases, by which a few lines become billions of
values, are refused, and so are tags and repeated keys.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.errors import RequestInvalid
from app.findings import Finding, Severity

BYTES_MAX = 8 * 1024 * 1024
"""Longest plan; all communes of the country, merged one by one and named in full, are a fifth of it."""
DEPTH_MAX = 8

_SOURCE = "ours, decision 0010"
_TEXT_TAGS = frozenset({"str", "int", "float", "bool", "timestamp"})


@dataclass(slots=True)
class Written:
    """A plan as plain values.

    Attributes:
        value: mappings, lists, text, truth values and None; JSON also gives numbers.
        lines: `line:column` by place, such as `steps[3].into`; empty for JSON.
    """

    value: Any
    lines: dict[str, str] = field(default_factory=dict)


def from_yaml(content: bytes) -> Written:
    """Read YAML.

    Raises:
        RequestInvalid: not YAML, more than one document, or what plans do not use of it; the finding has the line.
    """
    text = _text(content)
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else None
        raise refused("unreadable", f"The plan is not YAML: {error.problem}.", "Mend the YAML.", place) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise refused("unreadable", f"The plan is not YAML: {error!s:.200}.", "Mend the YAML.", None) from error
    if node is None:
        raise refused("empty", "The plan is empty.", "Give title, source, effective_on and steps.", "1:1")
    written = Written(None)
    written.value = _value(node, "", written.lines)
    return written


def from_json(content: bytes) -> Written:
    """Read JSON.

    Raises:
        RequestInvalid: not JSON, or with a member that is repeated.
    """
    try:
        return Written(json.loads(_text(content), object_pairs_hook=_members, parse_constant=_no_constant))
    except json.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno}"
        raise refused("unreadable", f"The plan is not JSON: {error.msg}.", "Mend the JSON.", place) from error
    except (ValueError, RecursionError) as error:
        raise refused("unreadable", f"The plan is not JSON: {error!s:.200}.", "Mend the JSON.", None) from error


def refused(defect: str, message: str, fix: str, place: str | None) -> RequestInvalid:
    """Make the refusal of a plan that cannot be read at all."""
    finding = Finding(f"ours.reorganisation.{defect}", Severity.ERROR, message, fix, _SOURCE, place)
    return RequestInvalid(message, findings=[finding])


def _text(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise refused("too-long", f"The plan has {len(content)} bytes.", f"Give at most {BYTES_MAX}.", None)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("unreadable", "The plan is not UTF-8.", "Save it as UTF-8.", None) from error


def _check_events(text: str) -> None:
    # Looked at before anything is built: what follows recurses, and would follow references.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            message = f"The plan is nested more than {DEPTH_MAX} levels deep."
            raise refused("too-deep", message, "Write it as the examples are.", _place(event.start_mark))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise refused(
                "yaml-reference", "The plan uses anchors or aliases.", "Write it out.", _place(event.start_mark)
            )


def _value(node: yaml.Node, path: str, lines: dict[str, str]) -> Any:
    place = lines[path] = _place(node.start_mark)
    match node:
        case yaml.MappingNode():
            return dict(_pairs(node, path, lines))
        case yaml.SequenceNode():
            return [_value(each, f"{path}[{number}]", lines) for number, each in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node, place)
        case _:
            raise refused("yaml-kind", "The plan has something that is no value.", "Write it as text.", place)


def _pairs(node: yaml.MappingNode, path: str, lines: dict[str, str]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in node.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise refused("yaml-kind", "A key of the plan is no text.", "Write keys as words.", place)
        name = str(key.value)
        if name in seen:
            raise refused("member-repeated", f"{name[:60]!r} occurs twice.", "Keep one.", place)
        seen.add(name)
        yield name, _value(value, f"{path}.{name}" if path else name, lines)


def _scalar(node: yaml.ScalarNode, place: str) -> Any:
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool" and node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    if kind not in _TEXT_TAGS:
        raise refused("yaml-kind", f"The plan has a value of the kind {node.tag[:60]!r}.", "Write it as text.", place)
    return str(node.value)


def _place(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in counted.items() if count > 1)
        raise refused("member-repeated", f"{repeated[:60]!r} occurs twice.", "Keep one.", None)
    return members


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
