"""How large a dropped file, and what comes out of it, may be."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What a dropped file may cost.

    Attributes
    ----------
    file_bytes : int
        Size of the file itself.
    unpacked_bytes : int
        Size of what comes out of an archive, a workbook or a compressed table.
    ratio, ratio_from_bytes : int
        How many times its packed size an archive may unpack to, once that is more than
        `ratio_from_bytes`: short files may well be very regular.
    members : int
        Files in an archive.
    fewest_rows, rows, columns, cells : int
        Of the table; for images, a row is an image.
    cell_characters, name_characters : int
        Of one value, and of the name of a column or a file.
    image_pixels, pixels : int
        Of one image, and of all together; a pixel counts once for each channel.
    classes : int
        Folders of images.
    seconds : float
        Time of a processor to read a file; on a busy machine more passes on the clock.
    memory_bytes : int
        What the reading process may take on top of what it has when it starts.
    """

    file_bytes: int = 50 * MEGABYTE
    unpacked_bytes: int = 500 * MEGABYTE
    ratio: int = 200
    ratio_from_bytes: int = 10 * MEGABYTE
    members: int = 100_000
    fewest_rows: int = 50
    rows: int = 5_000_000
    columns: int = 1_000
    cells: int = 50_000_000
    cell_characters: int = 100_000
    name_characters: int = 200
    image_pixels: int = 16_000_000
    pixels: int = 250_000_000
    classes: int = 1_000
    seconds: float = 60.0
    memory_bytes: int = 1_500 * MEGABYTE
