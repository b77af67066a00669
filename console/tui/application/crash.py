"""The report of a crash: a traceback without local variables, in a file that only its owner reads."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from textual.worker import WorkerFailed


def write_crash(error: BaseException | None, folder: Path | None) -> Path | None:
    """Write the report into the log folder and return its path; None when it cannot be written."""
    if folder is None:
        return None
    cause = error.error if isinstance(error, WorkerFailed) else error
    lines = traceback.format_exception(cause) if cause else ["no exception is known\n"]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="replace"
        ) as file:
            file.writelines(lines)
    except OSError:
        return None
    return path
