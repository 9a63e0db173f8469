"""Makes the pictures of every screen, SVG and PNG, from the scene of the snapshot tests: `python screenshots/make.py [NAME …]`."""

import asyncio
import re
import sys
from html import unescape
from pathlib import Path

import cairosvg
from rich.cells import cell_len

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.hivetui.pictures import PICTURES, Picture, taken  # noqa: E402

FONT = "DejaVu Sans Mono"
CELL = 12.2
"""How wide Rich's SVG draws a cell."""


def for_cairo(svg: str) -> str:
    """The SVG for cairosvg: a font that is on this machine instead of one from the net, and a place for each character.

    cairosvg stretches a text to its length only roughly, so borders would not meet.
    """
    svg = re.sub(r'x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>([^<]*)<', _placed, svg)
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return re.sub(r"font-family:\s*(?:Fira Code|arial)[^;}]*", f"font-family: {FONT}", svg)


def _placed(text: re.Match[str]) -> str:
    x, places = float(text[1]), []
    for character in unescape(text[4]):
        places.append(f"{x:.1f}")
        x += CELL * cell_len(character)
    return f'x="{" ".join(places)}" y="{text[2]}"{text[3]}>{text[4]}<'


async def make(picture: Picture) -> None:
    svg = await taken(picture)
    (HERE / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
    width = 1800 if picture.size[0] > 100 else 1100
    cairosvg.svg2png(bytestring=for_cairo(svg).encode(), write_to=str(HERE / f"{picture.name}.png"), output_width=width)


async def main(names: list[str]) -> None:
    for picture in PICTURES:
        if not names or picture.name in names:
            await make(picture)
            print(picture.name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
