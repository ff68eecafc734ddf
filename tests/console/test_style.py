"""The style sheet: what is written can be read, in light and dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

STYLE = (Path(__file__).parents[2] / "app" / "console" / "static" / "truc.css").read_text(encoding="utf-8")
TOKEN = re.compile(r"--([a-z-]+): (#[0-9a-f]{3,6})")

TEXT = 4.5
SIGN = 3.0
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "quiet", "accent") for ground in ("paper", "sheet", "shade")),
    ("on-accent", "accent", TEXT),
    *((tone, f"{tone}-shade", TEXT) for tone in ("good", "warn", "bad")),
    *((tone, ground, TEXT) for tone in ("warn", "bad") for ground in ("sheet", "paper")),
    *(("ink", f"{tone}-shade", TEXT) for tone in ("warn", "bad")),
    *((sign, ground, SIGN) for sign in ("edge", "focus") for ground in ("paper", "sheet")),
    *((bar, ground, SIGN) for bar in ("sent", "received") for ground in ("sheet", "shade")),
]


def tokens(scheme: str) -> dict[str, str]:
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    found = dict(TOKEN.findall(light.split("}")[0]))
    return found if scheme == "light" else found | dict(TOKEN.findall(dark.split("}")[0]))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_the_guideline_says() -> None:
    assert round(contrast("#000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#fff"), 2) == 4.48


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_what_is_written_can_be_read(scheme: str, ink: str, ground: str, least: float) -> None:
    colours = tokens(scheme)
    assert contrast(colours[ink], colours[ground]) >= least


def test_both_schemes_set_every_colour() -> None:
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    assert {name for name, _ in TOKEN.findall(light.split("}")[0])} == {
        name for name, _ in TOKEN.findall(dark.split("}")[0])
    }


def test_pages_can_be_printed_and_followed_by_keyboard() -> None:
    assert "@media print" in STYLE
    assert ":focus-visible" in STYLE
    assert "position: sticky" in STYLE
