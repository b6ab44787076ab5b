"""The process that reads one dropped file, and can be killed for it.

It is started by `tuning.datasets.files.reception` with a folder that holds the request, and
writes its answer there: JSON, an Arrow file and a NumPy array, never a pickle, because the
file it has read may have taken it over.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from tuning.datasets.files.errors import ReaderMemoryError, RefusedFileError
from tuning.datasets.files.found import Found
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options
from tuning.datasets.files.reading import read
from tuning.datasets.files.reception import ANSWER, IMAGES, REQUEST, TABLE


def main(folder: Path) -> None:
    """Read the file that a request names, and write the answer beside it."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    limits = Limits(**request["limits"])
    name = request["name"]
    limit_process(limits)
    try:
        wanted = Options.from_json(request["wanted"]) if request["wanted"] else None
        answer = _keep(read(Path(request["content"]), name, wanted, limits), folder)
    except RefusedFileError as error:
        answer = {"refused": type(error).__name__, "values": error.values}
    except (MemoryError, ImportError):  # a library that no longer fits in cannot be loaded
        answer = {
            "refused": ReaderMemoryError.__name__,
            "values": (name, limits.memory_bytes),
        }
    (folder / ANSWER).write_text(json.dumps(answer), "utf-8")


def _keep(found: Found, folder: Path) -> dict[str, object]:
    with pa.ipc.new_file(folder / TABLE, found.table.schema) as writer:
        writer.write_table(found.table)
    if found.images is not None:
        np.save(folder / IMAGES, found.images, allow_pickle=False)
    return {
        "options": found.options.to_json(),
        "notes": found.notes,
        "sheets": found.sheets,
        "has_images": found.images is not None,
    }


def limit_process(limits: Limits) -> None:
    """Take away from this process what reading a file does not need.

    Windows has no such limits, and macOS does not keep that of memory: there the process that
    waits looks at its memory from outside.
    """
    try:
        import resource
    except ImportError:
        return
    import psutil

    most = {
        resource.RLIMIT_AS: psutil.Process().memory_info().vms + limits.memory_bytes,
        resource.RLIMIT_CPU: ceil(limits.seconds),
        resource.RLIMIT_FSIZE: 2 * limits.memory_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in most.items():
        with contextlib.suppress(ValueError, OSError):  # a limit that is lower already stays
            resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # whatever the file has left behind is not tidied up
