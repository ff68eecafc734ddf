"""The page of rules says what the code does: every finding of the code is on it, and every one on it is in the code."""

import ast
import re

from app.edxml.rules import DOCUMENT_RULES, STATUS_RULES
from tests.support.rules_page import CODE, PAGE, ROOT, page

_LISTED = re.compile(r"^\| `([a-z0-9.-]+)` \|", re.MULTILINE)


def _written() -> set[str]:
    """Every text of the code that is the code of a finding, found without regard to how findings are made."""
    texts: set[str] = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        if path.is_relative_to(ROOT / "app" / "simulation"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                texts.add(node.value)
    return {text for text in texts if "{" not in text and text[-1] not in ".-"}


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.rules_page"


def test_every_code_that_is_written_in_the_code_is_on_the_page() -> None:
    assert sorted(_written() - set(_LISTED.findall(page()))) == []


def test_every_rule_of_the_tables_is_on_the_page_with_all_its_cells() -> None:
    lines = {line.split("`")[1]: line for line in page().splitlines() if line.startswith("| `")}
    assert lines.keys() >= {rule.code for rule in DOCUMENT_RULES} | {rule.code for rule in STATUS_RULES}
    for code, line in lines.items():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert all(cells), code
        assert {"fatal", "error", "unknown", "warning", "info"} & set(cells[1].split(" or ")), code
