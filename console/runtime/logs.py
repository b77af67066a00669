"""Logging: text for people, JSON lines for machines, a file behind a screen. Never a secret.

A record may carry what a machine should not have to find in a sentence: `event`, its kind; `values`, what the
sentence contains; `fields`, what it does not, so that these stand behind it in text, too.

Decided in docs/decisions/0074-what-a-worker-logs.md
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from console.domain.text.safe import safe


class TextFormatter(logging.Formatter):
    """One readable line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = record.__dict__.get("fields", {})
        words = "".join(f" {name}={value}" for name, value in fields.items() if value not in {None, ""})
        text = f"{at} {record.levelname.lower():7} {safe(record.getMessage() + words, 2_000)}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        more = record.__dict__
        line |= {"event": more.get("event"), **more.get("values", {}), **more.get("fields", {})}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None}, ensure_ascii=True)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to standard error: text on a terminal, JSON lines otherwise."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if sys.stderr.isatty() else JsonFormatter())
    _install(handler, level)


def log_to_file(folder: Path, level: int = logging.INFO) -> None:
    """Log to a file of limited size; if the folder cannot be written, the program runs without a log."""
    from logging.handlers import RotatingFileHandler

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = RotatingFileHandler(
            folder / "device-console.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(JsonFormatter())
    _install(handler, level)


def _install(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("console").setLevel(level)
