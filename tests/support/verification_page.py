"""Writes the tables of docs/verification.md from the code: every code of a report and its words.

`python -m tests.support.verification_page` writes them; a test compares.
"""

from pathlib import Path

from app.exchange.verification_words import WORDS

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"
MARK = "<!-- from here on written by tests/support/verification_page.py -->\n"
_TITLES = {
    "indication": "Indications",
    "sub-indication": "Sub-indications",
    "legacy": "Forms of signature that prove nothing",
    "step": "Steps",
    "outcome": "Outcomes of steps",
    "role": "Roles of signatures",
    "best-signing-time": "What proves the best signing time",
    "revocation": "Revocation of a certificate",
    "material": "Kinds of evidence",
}


def tables() -> str:
    """Write a table for each group of codes."""
    parts = []
    for group, codes in WORDS.items():
        rows = [f"| `{code}` | {words.vi} | {words.en} |" for code, words in codes.items()]
        parts.append(
            "\n".join([f"## {_TITLES[group]}", "", "| code | tiếng Việt | English |", "| --- | --- | --- |", *rows])
        )
    return "\n" + "\n\n".join(parts) + "\n"


def page() -> str:
    """Give the page with the tables as they should be."""
    return PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + tables()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
