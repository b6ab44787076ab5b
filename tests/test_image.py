"""The container image, without a container engine: rules are checked, commands are run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
INSTALL_S = 800


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Dockerfile, continued lines joined."""

    name: str
    options: tuple[str, ...]
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments: of a JSON list, or as a shell would split them."""
        is_list = self.text.startswith("[")
        return json.loads(self.text) if is_list else shlex.split(self.text)


def instructions() -> list[Instruction]:
    """Read the Dockerfile."""
    joined = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([A-Z]+) ((?:--\S+ +)*)(.+)", line) for line in lines]
    assert all(found)
    return [Instruction(one[1], tuple(one[2].split()), one[3]) for one in found if one]


def named(name: str) -> list[Instruction]:
    return [one for one in instructions() if one.name == name]


def test_the_base_image_is_pinned_to_a_slim_patch_release() -> None:
    (base,) = named("FROM")

    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-[a-z]+", base.text)


def test_the_image_runs_as_an_ordinary_user_and_keeps_data_in_a_volume() -> None:
    names = [one.name for one in instructions()]

    assert [one.text for one in named("USER")] == ["1000:1000"]
    assert "RUN" not in names[names.index("USER") :]
    assert [one.words for one in named("VOLUME")] == [["/data"]]
    assert "TUNEBOARD_HOME=/data" in named("ENV")[0].words


def test_commands_take_signals_themselves() -> None:
    assert [one.text[0] for one in named("CMD")] == ["["]
    assert [one.text[:5] for one in named("HEALTHCHECK")] == ["CMD ["]


def test_layers_follow_the_usual_rules() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert "ADD" not in {one.name for one in instructions()}
    assert not re.search(r"\b(sudo|latest|curl|wget)\b", text)
    assert all(one.text.startswith("/") for one in named("WORKDIR"))
    assert all(
        "--no-cache-dir" in one.text for one in named("RUN") if "pip install" in one.text
    )
    assert [one.options for one in named("COPY")] == [(), ("--chown=1000:1000",)]
    requirements, program = named("COPY")
    assert (requirements.words, program.words) == (["requirements.txt", "./"], [".", "./"])


def test_compose_runs_app_and_worker_from_one_image_on_one_volume() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    app, worker = compose["services"]["app"], compose["services"]["worker"]

    assert set(compose["services"]) == {"app", "worker"}
    assert app["image"] == worker["image"] == f"tuneboard:{version}"
    assert app["volumes"] == worker["volumes"] == ["data:/data"]
    assert set(compose["volumes"]) == {"data"}
    database = {"TUNEBOARD_DATABASE_URL": "${TUNEBOARD_DATABASE_URL:-}"}
    assert worker["environment"] == database
    assert app["environment"] == {**database, "TUNEBOARD_WORKERS": "0"}
    assert worker["depends_on"] == {"app": {"condition": "service_healthy"}}
    assert all(port.startswith("127.0.0.1:") for port in app["ports"])


class Container:
    """A clean folder and environment in which the image's commands run.

    Absolute paths, the port and the owner of the image become those of the folder, a free
    port and the owner of this process.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.app = folder / "app"
        self.app.mkdir()
        self._substitutes = {
            "/data": str(folder / "data"),
            "8501": str(self.port),
            "0.0.0.0": "127.0.0.1",
            "--owner=1000": f"--owner={os.getuid()}",
            "--group=1000": f"--group={os.getgid()}",
        }
        subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if _reaches_out(name)},
            **dict(word.split("=", 1) for word in map(self.localized, named("ENV")[0].words)),
            "PATH": f"{folder / 'python' / 'bin'}:{os.environ['PATH']}",
        }

    def localized(self, text: str) -> str:
        for image_value, ours in self._substitutes.items():
            text = text.replace(image_value, ours)
        return text

    def copy(self, instruction: Instruction) -> None:
        sources = context() if instruction.words[0] == "." else [ROOT / instruction.words[0]]
        for source in sources:
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, self.app / source.name, ignore=ignored)
            else:
                shutil.copy(source, self.app)

    def succeeds(self, command: list[str], timeout_s: float = 10) -> bool:
        ended = subprocess.run(
            [self.localized(word) for word in command],
            cwd=self.app,
            env=self.environment,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
        return ended.returncode == 0

    @contextlib.contextmanager
    def start(self, command: list[str], **environment: str) -> Iterator[None]:
        """Keep a command running until the block ends."""
        with subprocess.Popen(
            [self.localized(word) for word in command],
            cwd=self.app,
            env={**self.environment, **environment},
        ) as process:
            try:
                yield
            finally:
                process.terminate()

    def worker_state(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/ready") as answer:
            return str(json.load(answer)["worker"])


def _reaches_out(name: str) -> bool:
    """Tell whether pip needs the variable to reach its registry from here."""
    return name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")


def context() -> list[Path]:
    """Return what `.dockerignore` lets through: it excludes all and names the rest."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [ROOT / line[1:] for line in lines if line.startswith("!")]


def wait_until(is_so: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.soak  # installs everything once more
def test_every_command_of_the_image_works_in_a_clean_folder(tmp_path: Path) -> None:
    container = Container(tmp_path)
    for one in instructions():
        if one.name == "COPY":
            container.copy(one)
        elif one.name == "RUN":
            assert container.succeeds(["/bin/sh", "-c", one.text], timeout_s=INSTALL_S)
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    health_check = json.loads(named("HEALTHCHECK")[0].text.removeprefix("CMD "))

    with container.start(named("CMD")[0].words, TUNEBOARD_WORKERS="0"):
        wait_until(lambda: container.succeeds(health_check))
        with container.start(compose["services"]["worker"]["command"]):
            wait_until(lambda: container.worker_state() == "ready")
    assert not container.succeeds(health_check)
