"""What a worker logs of a study lands in its file, bounded, and is read from the end."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from tuning.study_log import (
    LogLine,
    StudyLog,
    delete_log,
    log_path,
    read_log,
    whole_log,
)

AT = 1_700_000_000.25  # 2023-11-14 22:13:20.25 UTC


@pytest.fixture
def heard() -> list[str]:
    """Give the lines that reach the worker's own log."""
    return []


@pytest.fixture
def log(tmp_path: Path, heard: list[str]) -> Any:
    """Give a logger with the processors of the worker, the study log among them."""

    class Ear:
        def msg(self, text: str) -> None:
            heard.append(text)

        info = warning = error = msg

    return structlog.wrap_logger(
        Ear(),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            StudyLog(tmp_path),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )


def write(home: Path, n_lines: int, *, wide: int = 0) -> None:
    """Write lines as a worker does."""
    study_log = StudyLog(home)
    for number in range(n_lines):
        line = {"study": "pima-7f3k", "event": "said", "number": number, "wide": "x" * wide}
        study_log(None, "info", line | {"timestamp": "2023-11-14T22:13:20.25Z"})


def test_a_line_of_a_study_goes_to_its_file_and_on_to_the_workers_log(
    log: Any, heard: list[str], tmp_path: Path
) -> None:
    with structlog.contextvars.bound_contextvars(study="pima-7f3k"):
        log.info("study taken", fits=54)
        log.warning("study failed", reason="Äpfel")
    log.info("worker ended")

    content = log_path(tmp_path, "pima-7f3k").read_text(encoding="utf-8")
    first, second = (json.loads(line) for line in content.splitlines())
    assert set(first) == {"event", "study", "fits", "level", "timestamp"}
    assert (first["event"], first["fits"], first["level"]) == ("study taken", 54, "info")
    assert (second["reason"], second["level"]) == ("Äpfel", "warning")
    assert first["timestamp"].endswith("Z")
    assert [line.partition(" level")[0] for line in heard][-1] == "event='worker ended'"
    assert len(heard) == 3


def test_lines_of_two_studies_are_kept_apart(log: Any, tmp_path: Path) -> None:
    log.info("one", study="pima-7f3k")
    log.info("other", study="mnist-2k1m")

    assert [line.event for line in read_log(tmp_path, "pima-7f3k")] == ["one"]
    assert [line.event for line in read_log(tmp_path, "mnist-2k1m")] == ["other"]


def test_an_exception_is_kept_with_its_traceback(
    log: Any, heard: list[str], tmp_path: Path
) -> None:
    try:
        raise ValueError("too small")  # noqa: TRY301 (what is logged here)
    except ValueError:
        log.exception("study broke off", study="pima-7f3k")

    [line] = read_log(tmp_path, "pima-7f3k")
    assert (line.level, line.event) == ("error", "study broke off")
    assert line.fields["exception"].startswith("Traceback (most recent call last):")
    assert line.fields["exception"].endswith("ValueError: too small")
    assert "ValueError: too small" in heard[0]


def test_lines_are_read_with_time_level_event_and_fields(tmp_path: Path) -> None:
    write(tmp_path, 1)

    assert read_log(tmp_path, "pima-7f3k") == [
        LogLine(AT, "info", "said", {"number": 0, "wide": ""})
    ]


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path, "pima-7f3k") == []
    assert whole_log(tmp_path, "pima-7f3k") == b""
    delete_log(tmp_path, "pima-7f3k")


def test_the_last_lines_are_read(tmp_path: Path) -> None:
    write(tmp_path, 800)

    numbers = [line.fields["number"] for line in read_log(tmp_path, "pima-7f3k")]

    assert numbers == list(range(300, 800))
    assert [line.fields["number"] for line in read_log(tmp_path, "pima-7f3k", limit=2)] == [
        798,
        799,
    ]


def test_two_files_of_a_megabyte_are_kept_and_the_newest_lines_are_in_them(
    tmp_path: Path,
) -> None:
    write(tmp_path, 2600, wide=900)  # about a kilobyte each

    folder = log_path(tmp_path, "pima-7f3k").parent
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    kept = [
        json.loads(line)["number"] for line in whole_log(tmp_path, "pima-7f3k").splitlines()
    ]

    assert set(sizes) == {"pima-7f3k.jsonl", "pima-7f3k.jsonl.1"}
    assert max(sizes.values()) <= 1_000_000
    assert kept == list(range(kept[0], 2600))
    assert len(kept) > 1000


def test_lines_are_read_across_the_change_of_files(tmp_path: Path) -> None:
    write(tmp_path, 1000, wide=900)
    n_new = log_path(tmp_path, "pima-7f3k").read_bytes().count(b"\n")
    assert n_new < 100  # the file was begun anew just now

    numbers = [line.fields["number"] for line in read_log(tmp_path, "pima-7f3k", limit=200)]

    assert numbers == list(range(800, 1000))


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = log_path(tmp_path, "pima-7f3k")
    write(tmp_path, 100, wide=9000)
    whole = path.stat().st_size
    assert whole > 800_000

    numbers = [line.fields["number"] for line in read_log(tmp_path, "pima-7f3k")]

    assert numbers == list(range(100 - len(numbers), 100))
    assert 20 < len(numbers) < 30  # 256 kB of lines of 9 kB


def test_half_a_line_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with log_path(tmp_path, "pima-7f3k").open("a", encoding="utf-8") as file:
        file.write('{"event": "cut o\n[1]\n{"event": "no time"}\n')
    write(tmp_path, 1)

    assert len(read_log(tmp_path, "pima-7f3k")) == 2


def test_threads_write_whole_lines_across_the_change_of_files(tmp_path: Path) -> None:
    study_log = StudyLog(tmp_path)

    def speak(name: int) -> None:
        for number in range(150):
            line = {"study": "pima-7f3k", "event": "said", "by": name, "number": number}
            study_log(None, "info", line | {"wide": "x" * 1800, "timestamp": "2023-11-14"})

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = [json.loads(line) for line in whole_log(tmp_path, "pima-7f3k").splitlines()]
    assert len(lines) == 600
    assert {(line["by"], line["number"]) for line in lines} == {
        (name, number) for name in range(4) for number in range(150)
    }


def test_a_log_that_cannot_be_written_does_not_stop_the_study(
    log: Any, heard: list[str], tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")

    log.info("study taken", study="pima-7f3k")
    (tmp_path / "logs").unlink()
    log_path(tmp_path, "mnist-2k1m").mkdir(parents=True)  # a folder where the file should be
    log.info("study taken", study="mnist-2k1m")

    assert len(heard) == 2


def test_a_deleted_log_is_gone_with_the_file_before_it(tmp_path: Path) -> None:
    write(tmp_path, 1200, wide=900)
    folder = log_path(tmp_path, "pima-7f3k").parent
    assert len(list(folder.iterdir())) == 2

    delete_log(tmp_path, "pima-7f3k")

    assert list(folder.iterdir()) == []
