"""Files found, fetched and refused, with a real server on this machine as the mirror."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tuning.datasets.catalogue import load_dataset
from tuning.datasets.download import (
    CALIFORNIA_FILE,
    MNIST_FILES,
    PIMA_FILE,
    SourceFile,
    are_here,
    fetch_files,
)
from tuning.errors import DatasetFileError, DatasetUnavailableError

CONTENT = b"0123456789" * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Mirror:
    """A server that serves what it is told to, and cuts transfers short where told to."""

    port: int
    content: dict[str, bytes] = field(default_factory=dict)
    missing_bytes: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            content = served.content.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - served.missing_bytes])

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Mirror(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def dead_url() -> str:
    """Return an address on this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/file.bin"


def accept_anything(_path: Path) -> None:
    """Find nothing wrong with a file."""


def source(*urls: str, sha256: str = SHA256) -> SourceFile:
    return SourceFile("file.bin", urls, accept_anything, sha256)


def fetch_one(file: SourceFile, **progress: object) -> Path:
    return fetch_files([file], title="Numbers", cousin="digits", **progress)[file.name]  # type: ignore[arg-type]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_missing_file_is_downloaded_once(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/a"] = CONTENT
    file = source(mirror.url("/a"))

    paths = [fetch_one(file), fetch_one(file)]

    assert paths == [bare_home / "datasets" / "file.bin"] * 2
    assert paths[0].read_bytes() == CONTENT
    assert mirror.requests == ["/a"]
    assert files_in(bare_home) == ["file.bin"]


def test_progress_grows_to_the_whole_file(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/a"] = CONTENT
    calls: list[tuple[str, int, int]] = []

    fetch_one(source(mirror.url("/a")), progress=lambda *call: calls.append(call))

    done = [n_bytes for _, n_bytes, _ in calls]
    assert {(name, total) for name, _, total in calls} == {("file.bin", len(CONTENT))}
    assert done == sorted(done)
    assert done[0] < done[-1] == len(CONTENT)


def test_the_next_mirror_is_asked_where_one_is_dead_or_lacks_the_file(
    mirror: Mirror, dead_url: str, bare_home: Path
) -> None:
    mirror.content["/good"] = CONTENT

    path = fetch_one(source(dead_url, mirror.url("/gone"), mirror.url("/good")))

    assert path.read_bytes() == CONTENT
    assert mirror.requests == ["/gone", "/good"]


def test_a_mirror_with_the_wrong_content_is_passed_over(
    mirror: Mirror, bare_home: Path
) -> None:
    mirror.content = {"/wrong": b"<html>sign in</html>", "/good": CONTENT}

    path = fetch_one(source(mirror.url("/wrong"), mirror.url("/good")))

    assert path.read_bytes() == CONTENT


def test_wrong_content_everywhere_leaves_no_file(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/wrong"] = b"<html>sign in</html>"

    with pytest.raises(DatasetUnavailableError) as error:
        fetch_one(source(mirror.url("/wrong")))

    folder = bare_home / "datasets"
    assert str(error.value) == (
        "Numbers could not be fetched (file.bin is not here and every server that answered "
        + f"failed): put file.bin into {folder}, or use 'digits', which needs no download."
    )
    assert files_in(bare_home) == []


def test_an_interrupted_transfer_leaves_no_file(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/a"] = CONTENT
    mirror.missing_bytes = 100_000

    with pytest.raises(DatasetUnavailableError):
        fetch_one(source(mirror.url("/a"), sha256=""))

    assert mirror.requests == ["/a"]
    assert files_in(bare_home) == []


def test_a_download_of_a_killed_process_is_not_taken_for_the_file(
    mirror: Mirror, bare_home: Path
) -> None:
    mirror.content["/a"] = CONTENT
    partial = bare_home / "datasets" / ".partial-1"
    partial.mkdir(parents=True)
    (partial / "file.bin").write_bytes(CONTENT[:1000])
    file = source(mirror.url("/a"), sha256="")

    here = are_here([file])

    assert not here
    assert fetch_one(file).read_bytes() == CONTENT


def test_a_cancelled_download_leaves_no_file(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/a"] = CONTENT

    def cancel(_name: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_one(source(mirror.url("/a")), progress=cancel)

    assert files_in(bare_home) == []


def test_a_damaged_download_is_fetched_again(mirror: Mirror, bare_home: Path) -> None:
    mirror.content["/a"] = CONTENT
    file = source(mirror.url("/a"))
    fetch_one(file).write_bytes(CONTENT[:1000])

    path = fetch_one(file)

    assert path.read_bytes() == CONTENT


def test_a_download_without_a_fixed_hash_is_judged_by_its_content(
    mirror: Mirror, bare_home: Path
) -> None:
    rows = [f"{i},1,1,1,1,1,1,1,{int(i < 268)}" for i in range(768)]
    mirror.content = {
        "/short": "\n".join(rows[:700]).encode(),
        "/good": ("a,b,c,d,e,f,g,h,Outcome\r\n" + "\r\n".join(rows)).encode(),
    }
    file = SourceFile(
        PIMA_FILE.name, (mirror.url("/short"), mirror.url("/good")), PIMA_FILE.check
    )

    path = fetch_one(file)

    assert path.read_bytes() == mirror.content["/good"]


@pytest.mark.timeout(60)  # a name server that never answers must not hold anybody up
def test_offline_says_so_promptly_and_offers_the_cousin(bare_home: Path) -> None:
    file = source("https://a.invalid/file.bin", "https://b.invalid/file.bin")

    with pytest.raises(DatasetUnavailableError) as error:
        fetch_one(file)

    folder = bare_home / "datasets"
    assert error.value.cousin == "digits"
    assert str(error.value) == (
        "Numbers could not be fetched (file.bin is not here and no server answered): "
        + f"put file.bin into {folder}, or use 'digits', which needs no download."
    )


def test_the_persons_folder_comes_before_the_data_folder(
    mirror: Mirror, own_folder: Path
) -> None:
    mirror.content["/a"] = CONTENT
    file = source(mirror.url("/a"))
    fetch_one(file)
    (own_folder / "deep").mkdir()
    (own_folder / "deep" / "file.bin").write_bytes(CONTENT)

    path = fetch_one(file)

    assert path == own_folder / "deep" / "file.bin"


@pytest.mark.parametrize(
    "name", ["pima-indians-diabetes.csv", "pima-indians-diabetes.data.csv"]
)
def test_pima_is_found_under_each_name_it_goes_by(
    name: str, published: Path, own_folder: Path
) -> None:
    shutil.copy(published / "pima-indians-diabetes.csv", own_folder / name)

    dataset = load_dataset("pima")

    assert len(dataset.features) == 768


def test_a_wrong_file_in_the_persons_folder_is_named(own_folder: Path) -> None:
    wrong = own_folder / "cal_housing.data"
    wrong.write_text("1,2,3\n" * 100)

    with pytest.raises(DatasetFileError) as error:
        load_dataset("california")

    assert str(error.value) == (
        f"{wrong} has 100 rows, but the published one has 20,640. "
        + "Replace it with the published file, or remove it."
    )


def test_a_file_with_another_hash_in_the_persons_folder_is_named(own_folder: Path) -> None:
    (own_folder / "mnist").mkdir()
    wrong = own_folder / "mnist" / MNIST_FILES[0].name
    wrong.write_bytes(b"fashion")

    with pytest.raises(DatasetFileError) as error:
        load_dataset("mnist")

    digest = hashlib.sha256(b"fashion").hexdigest()[:12]
    assert str(error.value) == (
        f"{wrong} has the SHA-256 {digest}…, but the published one has 440fcabf73cc…. "
        + "Replace it with the published file, or remove it."
    )


def test_every_catalogue_file_has_several_mirrors() -> None:
    files = (PIMA_FILE, CALIFORNIA_FILE, *MNIST_FILES)

    assert all(len(file.urls) >= 3 for file in files)
    assert all(url.startswith("http") for file in files for url in file.urls)
