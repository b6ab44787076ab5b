"""The plots of a search as sheets of small pictures: ``python -m benchmarks.plot_pictures``.

The pictures are those that the tests of the plots leave behind::

    export TUNEBOARD_SCREENSHOTS=build/plots TUNEBOARD_TEST_FULL=1
    python -m pytest tests/browser/test_plots.py
    python -m benchmarks.plot_pictures build/plots
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

_ROOT = Path(__file__).resolve().parent.parent
_SHEETS = _ROOT / "docs" / "screenshots"
_NAME = re.compile(r"plot-(?P<plot>.+)-(?P<size>\d+)-(?P<scheme>light|dark)\.png")
_PLOT = (330, 500, 1390, 1480)  # where a picture of a page shows its plot, in pixels
_ACROSS, _WIDTH = 4, 530  # plots in a row, and the pixels of each
_QUALITY = 80


def sheet(pictures: list[Path]) -> Image.Image:
    """Put the plots of some pictures side by side, row by row."""
    height = round((_PLOT[3] - _PLOT[1]) * _WIDTH / (_PLOT[2] - _PLOT[0]))
    small = []
    for path in pictures:
        with Image.open(path) as picture:
            small.append(picture.convert("RGB").crop(_PLOT).resize((_WIDTH, height)))
    n_rows = -(-len(small) // _ACROSS)
    background = small[0].getpixel((0, 0))
    whole = Image.new("RGB", (_ACROSS * _WIDTH, n_rows * height), background)
    for place, plot in enumerate(small):
        row, column = divmod(place, _ACROSS)
        whole.paste(plot, (column * _WIDTH, row * height))
    return whole


def main(
    folder: Annotated[Path, typer.Argument(help="Where the tests left their pictures.")],
) -> None:
    """Write a sheet for each size of study and each scheme."""
    found: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.glob("plot-*.png")):
        if match := _NAME.fullmatch(path.name):
            found.setdefault((match["size"], match["scheme"]), []).append(path)
    for (size, scheme), pictures in found.items():
        target = _SHEETS / f"plots-{size}-{scheme}.jpg"
        sheet(pictures).save(target, quality=_QUALITY)
        typer.echo(f"{target.name}: {len(pictures)} plots")


if __name__ == "__main__":
    typer.run(main)
