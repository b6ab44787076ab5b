"""Compiled code is kept between processes, bounded, and never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tuning.training import compiled

ROOT = Path(__file__).resolve().parents[2]
VERSION = "2.21.0"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XLA_FLAGS", "TF_XLA_FLAGS"):
        monkeypatch.setenv(name, "")  # and put back afterwards, whatever a test sets
    monkeypatch.setattr(compiled, "_folders", [])


@pytest.mark.usefixtures("variables")
def test_flags_name_a_folder_of_this_machine_and_version(tmp_path: Path) -> None:
    compiled.set_flags(tmp_path)

    folder = compiled.compiled_folder(tmp_path, VERSION)
    assert os.environ["TF_XLA_FLAGS"] == f"--tf_xla_persistent_cache_directory={folder}"
    assert folder.is_dir()
    assert os.environ["XLA_FLAGS"] == (
        "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
    )


@pytest.mark.usefixtures("variables")
def test_a_person_s_own_flags_stand(tmp_path: Path) -> None:
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=3"

    compiled.set_flags(tmp_path)

    assert os.environ["XLA_FLAGS"] == (
        "--xla_backend_optimization_level=3 --xla_cpu_use_fusion_emitters=false"
    )


@pytest.mark.usefixtures("variables")
def test_another_tensorflow_gets_no_flags_it_may_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_TESTED", "2.20.")

    compiled.set_flags(tmp_path)

    assert os.environ["XLA_FLAGS"] == os.environ["TF_XLA_FLAGS"] == ""
    assert not compiled.forget()


@pytest.mark.usefixtures("variables")
def test_a_folder_that_cannot_be_made_leaves_only_the_cache_out(tmp_path: Path) -> None:
    (tmp_path / "compiled").write_text("in the way")

    compiled.set_flags(tmp_path)

    assert os.environ["TF_XLA_FLAGS"] == ""


@pytest.mark.usefixtures("variables")
def test_the_files_used_longest_ago_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_KEPT_BYTES", 25)
    folder = compiled.compiled_folder(tmp_path, VERSION)
    folder.mkdir(parents=True)
    for age, name in enumerate(("new", "middle", "old")):
        (folder / name).write_bytes(b"x" * 10)
        os.utime(folder / name, (1e9 - age, 1e9 - age))

    compiled.set_flags(tmp_path)

    assert sorted(file.name for file in folder.iterdir()) == ["middle", "new"]


@pytest.mark.slow
@pytest.mark.soak
def test_a_new_process_reads_what_another_compiled_and_survives_a_broken_file(
    tmp_path: Path,
) -> None:
    first, second = scores_of_a_search(tmp_path), scores_of_a_search(tmp_path)
    files = [file for file in (tmp_path / "compiled").rglob("*") if file.is_file()]
    for file in files:
        file.write_bytes(file.read_bytes()[:1000])

    third = scores_of_a_search(tmp_path)

    assert files
    assert first == second == third
    assert all(file.stat().st_size > 1000 for file in files if file.exists())


def scores_of_a_search(home: Path) -> Any:
    changes = ["--set", "space.epochs.value=2", "--set", "space.n_neurons.values=[5]"]
    output = subprocess.run(
        [sys.executable, "-m", "tuning", "search", "pima-neurons", *changes, "--json"],
        cwd=ROOT,
        env=os.environ | {"TUNEBOARD_HOME": str(home), "TF_XLA_FLAGS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return [trial["fold_scores"] for trial in json.loads(output.stdout)["trials"]]
