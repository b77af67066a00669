"""The report of a crash: a traceback without local variables, in a file that only its owner reads."""

import os
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_log_path
from textual.worker import WorkerFailed


def log_directory(environment: Mapping[str, str]) -> Path:
    """``$CONSOLE_HOME/log``, or the platform's place for logs."""
    home = environment.get("CONSOLE_HOME") or os.environ.get("CONSOLE_HOME")
    return Path(home) / "log" if home else user_log_path("device-console", appauthor=False)


def write_crash(error: BaseException | None, environment: Mapping[str, str]) -> Path | None:
    """Write the report and say where; None when the disk refuses."""
    cause = error.error if isinstance(error, WorkerFailed) else error
    lines = traceback.format_exception(cause) if cause else ["no exception is known\n"]
    try:
        directory = log_directory(environment)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="replace"
        ) as file:
            file.writelines(lines)
    except OSError:
        return None
    return path
