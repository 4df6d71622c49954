"""From the text to an SVG that is readable on a dark page and on a light one, for it has a ground of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("round_trip.txt")
DRAWING: Final = Path(__file__).with_name("round_trip.svg")

_WIDTH: Final = 760
_ROW: Final = 34
_TOP: Final = 64
_STYLE: Final = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { fill: #1f2328; font: 14px system-ui, sans-serif; text-anchor: middle }
  text { paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
  .name { font-weight: 600 }
  .part { font-weight: 600; fill: #0550ae; text-anchor: start }
  .lane { stroke: #afb8c1; stroke-dasharray: 3 4 }
  .arrow { stroke: #1f2328; stroke-width: 1.5 }
  .head { fill: #1f2328 }
  .boxed { stroke: none }
  .box { fill: #ddf4ff; stroke: #54aeff }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc; stroke: #0d1117 }
    .boxed { stroke: none }
    .part { fill: #79c0ff }
    .lane { stroke: #656c76 }
    .arrow { stroke: #f0f6fc }
    .head { fill: #f0f6fc }
    .box { fill: #0c2d6b; stroke: #388bfd }
  }
"""


def draw(source: str) -> str:
    """The SVG of a text; `round_trip.txt` says what may stand in one.

    Raises:
        ValueError: A line says nothing that can be drawn.
    """
    lines = [line for line in source.splitlines() if line and not line.startswith("#")]
    names = [name.strip() for name in lines[0].removeprefix("lanes").split("|")]
    lanes = [(2 * number + 1) * _WIDTH // (2 * len(names)) for number in range(len(names))]
    height = _TOP + _ROW * len(lines)
    drawn = [*_heads(names, lanes, height)]
    for row, line in enumerate(lines[1:]):
        drawn += _row(line, lanes, _TOP + _ROW * (row + 1))
    said = escape("; ".join(lines[1:]))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{said}">',
            f"<style>{_STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"',
            'orient="auto">',
            '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
            f'<rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _heads(names: Sequence[str], lanes: Sequence[int], height: int) -> list[str]:
    texts = [_text("name", lane, 32, name) for name, lane in zip(names, lanes, strict=True)]
    return [*texts, *(f'<line class="lane" x1="{lane}" y1="44" x2="{lane}" y2="{height - 16}"/>' for lane in lanes)]


def _row(line: str, lanes: Sequence[int], y: int) -> list[str]:
    first, _, rest = line.partition(" ")
    if first == "part":
        ruled = f'<line class="lane" x1="16" y1="{y - 22}" x2="{_WIDTH - 16}" y2="{y - 22}"/>'
        return [ruled, _text("part", 16, y - 4, rest)]
    if first == "at":
        number, _, said = rest.partition(" ")
        middle, half = lanes[int(number) - 1], 4 * len(said) - 4
        box = f'<rect class="box" x="{middle - half}" y="{y - 22}" width="{2 * half}" height="26" rx="6"/>'
        return [box, _text("boxed", middle, y - 4, said)]
    if rest.startswith("> "):
        number, _, said = rest.removeprefix("> ").partition(" ")
        start, end = lanes[int(first) - 1], lanes[int(number) - 1]
        arrow = f'<line class="arrow" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#tip)"/>'
        return [arrow, _text("said", (start + end) // 2, y - 8, said)]
    raise ValueError(f"{line!r} cannot be drawn")


def _text(kind: str, x: int, y: int, said: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(said)}</text>'
