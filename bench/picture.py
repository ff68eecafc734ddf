"""A picture of bars, as SVG that is legible on light and on dark pages; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
_LEFT, _RIGHT, _TOP, _ROW = 250, 150, 56, 26
_STYLE = """\
.page { fill: #ffffff }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.quiet { fill: #59636e }
.line { stroke: #d1d9e0 }
.limit { stroke: #59636e; stroke-dasharray: 4 3 }
.bar { fill: #0969da }
.other { fill: #8250df }
.best { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 }
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .line { stroke: #3d444d }
  .limit { stroke: #9198a1 }
  .bar { fill: #4493f8 }
  .other { fill: #ab7df8 }
  .best { stroke: #f0f6fc }
}"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the picture.

    Attributes:
        label: in front of it.
        value: how long it is; 1 is the limit.
        best: where a mark shows the best round.
        told: behind it.
        aside: whether it is something the others are compared with.
    """

    label: str
    value: float
    best: float
    told: str
    aside: bool = False


def bars(title: str, subtitle: str, rows: Sequence[Bar]) -> str:
    """Draw shares of a limit, one below the other."""
    height = _TOP + _ROW * len(rows) + 34
    longest = max([1.0, *(row.best for row in rows)])
    scale = (WIDTH - _LEFT - _RIGHT) / longest
    bottom = height - 28
    frame = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    out = [
        f'<svg {frame} role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        # Its own ground: a dark page may show it to a reader whose system is light.
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="quiet" x="8" y="40">{escape(subtitle)}</text>',
    ]
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, kind = _LEFT + part * scale, "limit" if part == 1 else "line"
        out.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{bottom}"/>')
        out.append(f'<text class="quiet" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{part:g}</text>')
    for number, row in enumerate(rows):
        y = _TOP + number * _ROW
        kind = "other" if row.aside else "bar"
        length, best = max(row.value * scale, 1.0), _LEFT + row.best * scale
        out += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y + 3}" width="{length:.1f}" height="16" rx="2"/>',
            f'<line class="best" x1="{best:.1f}" x2="{best:.1f}" y1="{y + 1}" y2="{y + 21}"/>',
            f'<text x="{max(best, _LEFT + length) + 8:.1f}" y="{y + 15}">{escape(row.told)}</text>',
        ]
    return "\n".join((*out, "</svg>")) + "\n"
