"""Images: arrays x and y in an .npz file, or a zip archive with one folder a class."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tuning.datasets.files.archives import own_files, read_member
from tuning.datasets.files.borders import BROKEN, damaged_where_broken
from tuning.datasets.files.columns import convert, convert_rows
from tuning.datasets.files.errors import (
    ArraysError,
    CountError,
    DamagedFileError,
    ImagesError,
    PickleError,
    shortened,
)
from tuning.datasets.files.found import Found, check_length, check_width
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options

if TYPE_CHECKING:
    from PIL import Image

_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_GRAY, _COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_MAX_HEADER = 10_000


def are_arrays(archive: zipfile.ZipFile) -> bool:
    """Tell whether a zip archive is an .npz file."""
    names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def are_images(archive: zipfile.ZipFile) -> bool:
    """Tell whether most files of a zip archive are named as images."""
    names = [name.lower() for name in own_files(archive)]
    return 2 * sum(name.endswith(_ENDINGS) for name in names) > len(names)


def read_arrays(
    archive: zipfile.ZipFile, file_name: str, options: Options, limits: Limits
) -> Found:
    """Read x, one row or image each, and y, one value each.

    Raises
    ------
    RefusedFileError
        If they are not there, do not fit each other, or hold Python objects.
    """
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    if sorted(names) != ["x", "y"]:
        listed = ", ".join(shortened(name) for name in names[:10])
        raise ArraysError(file_name, f"holds the arrays {listed}")
    values, targets = (_read_array(archive, name, file_name, limits) for name in ("x", "y"))
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        raise ArraysError(file_name, f"has y in the shape {_shape(targets)}")
    if values.ndim not in (2, 3, 4) or values.dtype.kind not in "biuf":
        kind = f"{_shape(values)} of {values.dtype}"
        raise ArraysError(file_name, f"has x in the shape {kind}")
    if len(values) != len(targets):
        raise ArraysError(file_name, f"has {len(values):,} rows in x and {len(targets):,} in y")
    classes = pa.array(targets.tolist() if targets.dtype.kind == "U" else targets)
    if values.ndim == 2:
        check_width(values.shape[1] + 1, file_name, limits)
        columns = {f"x{i + 1}": pa.array(column) for i, column in enumerate(values.T)}
        table = pa.table(columns | {"y": classes})
        return convert(table, options, file_name, limits, is_text=False)
    images = values[..., None] if values.ndim == 3 else values
    return _found(_image_values(images), {"class": classes}, options, file_name, limits)


def _image_values(images: NDArray[Any]) -> NDArray[np.uint8] | NDArray[np.float32]:
    return images if images.dtype == np.uint8 else images.astype(np.float32)


def _shape(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape)) or "of a single value"


def _read_array(
    archive: zipfile.ZipFile, name: str, file_name: str, limits: Limits
) -> NDArray[Any]:
    """Read one array once its header has said that it is safe and not too large."""
    data = io.BytesIO(read_member(archive, f"{name}.npy", file_name))
    with damaged_where_broken(file_name, "a file of NumPy arrays"):
        version = np.lib.format.read_magic(data)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(data, max_header_size=_MAX_HEADER)
        if dtype.hasobject:
            raise PickleError(file_name, name)
        if prod(shape) > limits.pixels:
            raise CountError(file_name, prod(shape), limits.pixels, f"values in {name}")
        data.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(data, allow_pickle=False)
    if dtype.kind not in "biufU":
        raise ArraysError(file_name, f"holds {dtype} in {name}")
    return array


def _found(
    images: NDArray[np.uint8] | NDArray[np.float32],
    columns: dict[str, pa.Array],
    options: Options,
    file_name: str,
    limits: Limits,
) -> Found:
    n_pixels = prod(images.shape[1:3])
    if n_pixels > limits.image_pixels:
        raise CountError(file_name, n_pixels, limits.image_pixels, "pixels in an image")
    if images.shape[3] not in (1, 3) or n_pixels == 0:
        raise ArraysError(file_name, f"has x in the shape {_shape(images)}")
    found = convert_rows(pa.table(columns), options, file_name, limits, is_text=False)
    return replace(found, images=images)


def read_folders(
    archive: zipfile.ZipFile, file_name: str, options: Options, limits: Limits
) -> Found:
    """Read a zip archive of images, each in the folder of its class.

    Raises
    ------
    RefusedFileError
        If a folder, a file or the size of an image is not as it should be.
    """
    paths = sorted(own_files(archive))
    classes = _classes(paths, file_name, limits)
    check_length(len(paths), 1, file_name, limits)
    shapes = [_measure(archive, path, file_name, limits) for path in paths]
    sizes = Counter((width, height) for width, height, _ in shapes)
    (width, height), n_usual = sizes.most_common(1)[0]
    if len(sizes) > 1:
        raise ImagesError(
            file_name,
            f"holds images of {len(sizes)} sizes; {n_usual:,} of {len(paths):,} are "
            + f"{width} × {height}",
            "Bring all to one size.",
        )
    n_channels = max(n for _, _, n in shapes)
    n_pixels = len(paths) * width * height * n_channels
    if n_pixels > limits.pixels:
        raise CountError(file_name, n_pixels, limits.pixels, "pixels in all images")
    images = np.empty((len(paths), height, width, n_channels), np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[:] = _decode(archive, path, n_channels, file_name)
    columns = {"file": pa.array(paths), "class": pa.array(classes)}
    return _found(images, columns, options, file_name, limits)


def _classes(paths: list[str], file_name: str, limits: Limits) -> list[str]:
    """Return the folder of each image; one folder around all others is no class."""
    folders = [path.split("/")[:-1] for path in paths]
    if len({tuple(parts[:1]) for parts in folders}) == 1 and folders[0]:
        folders = [parts[1:] for parts in folders]
    odd = [path for path, parts in zip(paths, folders, strict=True) if len(parts) != 1]
    if odd:
        raise ImagesError(
            file_name,
            f"holds {shortened(odd[0])}, which is not in a folder of its class",
            "Pack one folder of images a class.",
        )
    classes = [parts[0] for parts in folders]
    if len(set(classes)) > limits.classes:
        raise CountError(file_name, len(set(classes)), limits.classes, "folders")
    return classes


def _measure(
    archive: zipfile.ZipFile, path: str, file_name: str, limits: Limits
) -> tuple[int, int, int]:
    """Return width, height and channels of an image without unpacking its pixels."""
    with _open(archive, path, file_name) as image:
        width, height = image.size
        if width * height > limits.image_pixels:
            raise CountError(
                file_name, width * height, limits.image_pixels, f"pixels in {shortened(path)}"
            )
        if image.mode not in _GRAY + _COLOUR:
            raise ImagesError(
                file_name,
                f"holds {shortened(path)} with pixels of the kind {image.mode}",
                "Save it with 8 bits a channel.",
            )
        return width, height, 1 if image.mode in _GRAY else 3


def _decode(
    archive: zipfile.ZipFile, path: str, n_channels: int, file_name: str
) -> NDArray[np.uint8]:
    with (
        _open(archive, path, file_name) as image,
        damaged_where_broken(file_name, f"an archive with an image ({shortened(path)})"),
    ):
        pixels = np.asarray(image.convert("L" if n_channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], n_channels)


@contextmanager
def _open(archive: zipfile.ZipFile, path: str, file_name: str) -> Iterator[Image.Image]:
    from PIL import Image, UnidentifiedImageError

    data = read_member(archive, path, file_name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
    except UnidentifiedImageError as error:
        raise ImagesError(
            file_name,
            f"holds {shortened(path)}, which is neither a PNG nor a JPEG image",
            "Leave it out or save it as PNG.",
        ) from error
    except Image.DecompressionBombError as error:
        raise ImagesError(
            file_name, f"holds {shortened(path)}, which has too many pixels", "Make it smaller."
        ) from error
    except BROKEN as error:
        raise DamagedFileError(
            file_name, f"an archive with an image ({shortened(path)})"
        ) from error
    with image:
        yield image
