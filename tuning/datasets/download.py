"""Where the files of the catalogue come from: a person's folder, the data folder, a mirror.

A file is checked before it is used and before it is put in place, so the data folder never
holds half of one.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from requests.utils import get_environ_proxies, select_proxy

from storage.settings import settings
from tuning.datasets.readers import read_california, read_idx, read_pima
from tuning.errors import DatasetFileError, DatasetUnavailableError

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes done and the bytes in all (0 if not known)."""

CONNECT_TIMEOUT_S = 4.0  # for all mirrors together; a name server that hangs counts too
READ_TIMEOUT_S = 20.0
_CHUNK_BYTES = 64 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceFile:
    """A published file and where to find it.

    Attributes
    ----------
    name : str
        Name it is downloaded under.
    urls : tuple of str
        Mirrors, the one to ask first in front.
    check : callable
        Reads a file and raises `DatasetFileError` where the content is not the published one.
    sha256 : str
        Of the file under `name`; empty where published copies differ in their bytes.
    other_names : tuple of str
        Names the same content goes by in a person's folder.
    """

    name: str
    urls: tuple[str, ...]
    check: Callable[[Path], object] = field(repr=False)
    sha256: str = ""
    other_names: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name the file may have."""
        return (self.name, *self.other_names)


PIMA_FILE = SourceFile(
    name="pima-indians-diabetes.csv",
    urls=(
        "https://raw.githubusercontent.com/jbrownlee/Datasets/master/pima-indians-diabetes.csv",
        "https://raw.githubusercontent.com/jbrownlee/Datasets/master/pima-indians-diabetes.data.csv",
        "https://raw.githubusercontent.com/plotly/datasets/master/diabetes.csv",
    ),
    check=read_pima,
    other_names=("pima-indians-diabetes.data.csv", "pima-indians-diabetes.data"),
)

CALIFORNIA_FILE = SourceFile(
    name="cal_housing.tgz",
    urls=(
        "https://ndownloader.figshare.com/files/5976036",
        "https://figshare.com/ndownloader/files/5976036",
        "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz",
    ),
    check=read_california,
    sha256="aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
    other_names=("cal_housing.data",),
)

_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


def _mnist_file(name: str, sha256: str) -> SourceFile:
    return SourceFile(name, tuple(mirror + name for mirror in _MNIST_MIRRORS), read_idx, sha256)


MNIST_FILES = (
    _mnist_file(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    _mnist_file(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    _mnist_file(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    _mnist_file(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


def data_folder() -> Path:
    """Return the folder that downloads are kept in."""
    return settings().home / "datasets"


def are_here(files: Iterable[SourceFile]) -> bool:
    """Tell whether every file can be found without a download; nothing is read."""
    return all(_find(file) is not None for file in files)


def fetch_files(
    files: Sequence[SourceFile],
    *,
    title: str,
    cousin: str,
    progress: Progress | None = None,
) -> Mapping[str, Path]:
    """Find each file, and download those that are missing.

    Parameters
    ----------
    files : sequence of SourceFile
        What the dataset is read from.
    title, cousin : str
        Name of the dataset and id of its bundled cousin, for the error.
    progress : callable, optional
        Called as bytes arrive.

    Returns
    -------
    mapping of str to Path
        Where each file is, by `SourceFile.name`.

    Raises
    ------
    DatasetFileError
        If a file in the person's own folder is not the published one.
    DatasetUnavailableError
        If a file is missing and no mirror has it.
    """
    paths = {file.name: _verified(file) for file in files}
    missing = [file for file in files if paths[file.name] is None]
    answering = _answering({url for file in missing for url in file.urls})
    for file in missing:
        urls = [url for url in file.urls if _address(url) in answering]
        paths[file.name] = _download(file, urls, progress or _no_progress)
        if paths[file.name] is None:
            reason = "every server that answered failed" if urls else "no server answered"
            folder = str(settings().datasets or data_folder())
            raise DatasetUnavailableError(title, file.name, folder, cousin, reason)
    return {name: path for name, path in paths.items() if path is not None}


def _find(file: SourceFile) -> Path | None:
    folders = [folder for folder in (settings().datasets, data_folder()) if folder is not None]
    for folder in folders:
        for name in file.names:
            # Hidden folders are left out: they hold downloads that are still under way.
            inside = [folder / name, *sorted(folder.glob(f"[!.]*/{name}"))]
            found = next((path for path in inside if path.is_file()), None)
            if found is not None:
                return found
    return None


def _verified(file: SourceFile) -> Path | None:
    """Find a file and check it; one of our own downloads that is damaged counts as missing."""
    path = _find(file)
    if path is None:
        return None
    try:
        _verify(file, path)
    except DatasetFileError as error:
        if not path.is_relative_to(data_folder()):
            raise
        _log.warning("%s", error)
        return None
    return path


def _verify(file: SourceFile, path: Path) -> None:
    if not file.sha256 or path.name != file.name:
        file.check(path)
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise DatasetFileError(
            str(path),
            f"has the SHA-256 {digest[:12]}…, but the published one has {file.sha256[:12]}…",
        )


def _download(file: SourceFile, urls: Iterable[str], progress: Progress) -> Path | None:
    """Ask the mirrors in turn; None if none of them has the published file."""
    pooch.get_logger().setLevel(logging.WARNING)
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for url in urls:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
            downloader = pooch.HTTPDownloader(
                progressbar=_Bar(file.name, progress),
                chunk_size=_CHUNK_BYTES,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            )
            try:
                fetched = Path(
                    pooch.retrieve(url, None, file.name, partial, downloader=downloader)
                )
                _verify(file, fetched)
            except (requests.RequestException, DatasetFileError) as error:
                _log.warning("%s could not be fetched from %s: %s", file.name, url, error)
                continue
            return fetched.replace(folder / file.name)
    return None


def _no_progress(_name: str, _done: int, _total: int) -> None:
    """Tell nobody."""


class _Bar:
    """What pooch takes for a progress bar: hands the bytes on to a callback."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.total = 0
        self._done = 0
        self._name = name
        self._progress = progress

    def update(self, n_bytes: int) -> None:
        """Count one chunk; pooch names a whole one even where the last is shorter."""
        self._done += n_bytes
        if self.total:
            self._done = min(self._done, self.total)
        self._progress(self._name, self._done, self.total)

    def reset(self) -> None:
        """Count from 0 again; pooch then fills the bar in one step."""
        self._done = 0

    def close(self) -> None:
        """Nothing is left open."""


def _answering(urls: Iterable[str]) -> set[tuple[str, int]]:
    """Return the addresses that take a connection, all tried at once.

    Looking up a name cannot be given a time limit, so it happens in threads that are left
    behind when time is up.
    """
    answered: set[tuple[str, int]] = set()
    knocks = [
        threading.Thread(target=_knock, args=(address, answered), daemon=True)
        for address in {_address(url) for url in urls}
    ]
    for knock in knocks:
        knock.start()
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    for knock in knocks:
        knock.join(max(0.0, deadline - time.monotonic()))
    return set(answered)


def _address(url: str) -> tuple[str, int]:
    """Return the host and port a request to `url` connects to, which may be a proxy's."""
    parts = urlsplit(select_proxy(url, get_environ_proxies(url)) or url)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)


def _knock(address: tuple[str, int], answered: set[tuple[str, int]]) -> None:
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except OSError:
        return
    answered.add(address)
