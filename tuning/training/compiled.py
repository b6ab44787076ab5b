"""What TensorFlow compiles, kept between processes: flags for it, and a folder of files.

Without TensorFlow: it reads its flags when it is imported, so they have to be set before.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

_TESTED = "2.21."  # TensorFlow ends the process over a flag it does not know
_KEPT_BYTES = 512 * 2**20  # about two thousand computations; the ones used longest ago go

# Each about halves the time to compile, for code that is as fast; see docs/engine.md.
_FLAGS = ("--xla_cpu_use_fusion_emitters=false", "--xla_backend_optimization_level=1")


_folders: list[Path] = []  # the one in use, since flags were set


def set_flags(home: Path) -> None:
    """Set what TensorFlow, when it is imported, reads about compiling.

    Parameters
    ----------
    home : Path
        The data folder; what is compiled goes into one of its folders.
    """
    version = importlib.metadata.version("tensorflow")
    if not version.startswith(_TESTED):
        return
    for flag in _FLAGS:
        _add("XLA_FLAGS", flag)
    folder = compiled_folder(home, version)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _drop_oldest(folder)
    except OSError:
        return  # without the folder everything is compiled anew, and works
    _add("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={folder}")
    _folders.append(folder)


def compiled_folder(home: Path, version: str) -> Path:
    """Return the folder of this machine and version; code of another could not run here."""
    return home / "compiled" / f"tensorflow-{version}-{_processor()}"


def forget() -> bool:
    """Delete what is kept, after a file of it could not be read; tell whether there was any."""
    if _folders:
        shutil.rmtree(_folders[-1], ignore_errors=True)
        _folders[-1].mkdir(parents=True, exist_ok=True)
    return bool(_folders)


def _add(variable: str, flag: str) -> None:
    present = os.environ.get(variable, "")
    if flag.split("=")[0] not in present:  # a person's own choice stands
        os.environ[variable] = f"{present} {flag}".strip()


def _processor() -> str:
    """Return a short name of what this processor can do."""
    described = platform.machine() + platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        kinds = ("flags", "Features", "model name")
        described += "".join(sorted({line for line in lines if line.startswith(kinds)}))
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def _drop_oldest(folder: Path) -> None:
    files = [(file.stat(), file) for file in folder.iterdir() if file.is_file()]
    files.sort(key=lambda entry: max(entry[0].st_atime, entry[0].st_mtime))
    excess = sum(stat.st_size for stat, _ in files) - _KEPT_BYTES
    for stat, file in files:
        if excess <= 0:
            return
        file.unlink(missing_ok=True)
        excess -= stat.st_size
