"""What installs Tuneboard and sets it up: requirements, configuration, Makefile."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pages", "tuning", "storage")
# Dask makes its temporary certificates with the one, Optuna its CMA-ES with the other.
CALLED_BY_OTHERS = {"cryptography", "cmaes"}


def pins(name: str) -> dict[str, str]:
    """Read the exact versions of a requirements file, by the name without its extras."""
    lines = (ROOT / name).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    pinned = [
        re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z]+\])?==([0-9a-z.]+)", line) for line in wanted
    ]
    assert all(pinned)
    return {pin[1]: pin[2] for pin in pinned if pin}


def imported_modules() -> set[str]:
    """Return the top names of everything the program itself imports."""
    files = [
        ROOT / "app.py",
        *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")),
    ]
    names: set[str] = set()
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_pinned_is_what_is_tested(name: str) -> None:
    pinned = pins(name)

    assert pinned
    assert {library: importlib.metadata.version(library) for library in pinned} == pinned


def test_every_library_the_program_imports_is_pinned_and_no_other() -> None:
    installed = importlib.metadata.packages_distributions()
    third_party = imported_modules() - set(sys.stdlib_module_names) - {"app", *PACKAGES}
    imported = {installed[name][0].lower().replace("_", "-") for name in third_party}

    assert imported | CALLED_BY_OTHERS == set(pins("requirements.txt"))


def test_streamlit_knows_every_option_we_set() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "streamlit", "config", "show"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "not a valid config option" not in shown.stdout + shown.stderr
    assert '\naddress = "127.0.0.1"' in shown.stdout


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-f", ROOT / "Makefile", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if "MAKE" not in name},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()

    ended = make(tmp_path, "run", "PYTHON=", "PYTHONS=no-such-python")

    assert ended.returncode != 0
    assert ended.stderr.startswith(
        "Tuneboard needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found."
    )


@pytest.mark.slow
def test_make_installs_once_and_again_only_after_a_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.touch()
    target = ".venv/.app-installed"

    assert "Creating .venv" in make(tmp_path, target).stdout
    assert "is up to date" in make(tmp_path, target).stdout
    os.utime(requirements, (time.time() + 1, time.time() + 1))
    changed = make(tmp_path, target).stdout
    assert "Installing" in changed
    assert "Creating" not in changed


@pytest.mark.slow
def test_make_repeats_what_was_interrupted(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./no-such-package\n")
    target = ".venv/.app-installed"

    assert make(tmp_path, target).returncode != 0
    requirements.write_text("")
    assert "Installing" in make(tmp_path, target).stdout
    (tmp_path / ".venv" / "bin" / "python").unlink()
    assert "Creating .venv" in make(tmp_path, target).stdout
