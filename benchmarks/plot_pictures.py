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
_ACROSS, _WIDTH = 4, 480  # pictures in a row, and the pixels of each
_QUALITY = 80


def sheet(pictures: list[Path]) -> Image.Image:
    """Put pictures of one size side by side, row by row."""
    small = []
    for path in pictures:
        with Image.open(path) as picture:
            height = round(picture.height * _WIDTH / picture.width)
            small.append(picture.convert("RGB").resize((_WIDTH, height)))
    height = max(picture.height for picture in small)
    n_rows = -(-len(small) // _ACROSS)
    whole = Image.new("RGB", (_ACROSS * _WIDTH, n_rows * height))
    for place, own in enumerate(small):
        row, column = divmod(place, _ACROSS)
        whole.paste(own, (column * _WIDTH, row * height))
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
