"""The report of a crash: a traceback without local variables, in a file that only its owner reads."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from textual.worker import WorkerFailed

_MOST_OF_A_SECOND = 100


def write_crash(error: BaseException | None, folder: Path | None) -> Path | None:
    """Write the report into the log folder and return its path; None when it cannot be written."""
    if folder is None:
        return None
    cause = error.error if isinstance(error, WorkerFailed) else error
    lines = traceback.format_exception(cause) if cause else ["no exception is known\n"]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, number = _new_file(folder, f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}")
        with os.fdopen(number, "w", errors="replace") as file:
            file.writelines(lines)
    except OSError:
        return None
    return path


def _new_file(folder: Path, stem: str) -> tuple[Path, int]:
    """Create a file of this name, with a number if there is one: several consoles may crash at once.

    Raises:
        OSError: it cannot be created.
    """
    for count in range(1, _MOST_OF_A_SECOND + 1):
        path = folder / (f"{stem}.log" if count == 1 else f"{stem}-{count}.log")
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(stem)
