"""The operator's own editor for a longer text, with the workers going on meanwhile."""

import asyncio
import contextlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

_MOST_BYTES = 1_000_000


def editor_command() -> list[str]:
    """Return ``$VISUAL``, ``$EDITOR`` or vi, split as a shell would."""
    for name in ("VISUAL", "EDITOR"):
        with contextlib.suppress(ValueError):
            words = shlex.split(os.environ.get(name, ""))
            if words:
                return words
    return ["vi"]


async def edit_text(app: App[int], text: str, suffix: str) -> str:
    """Let the operator edit a copy of `text`; return what they saved.

    Raises:
        OSError: there is no such editor, it failed, or its file is not text; the message says which.
    """
    path = _written(text, suffix)
    try:
        words = editor_command()
        try:
            with app.batch_update(), app.suspend():
                done = await asyncio.to_thread(subprocess.run, [*words, str(path)], check=False)
        except SuspendNotSupported:
            raise OSError(None, "this terminal cannot be lent to an editor") from None
        except FileNotFoundError:
            raise OSError(
                None, f"the editor {words[0]!r} was not found: set EDITOR to another program"
            ) from None
        if done.returncode:
            name = Path(words[0]).name  # a full path could push the reason off the line
            raise OSError(None, f"{name} ended with {done.returncode}; the text is unchanged")
        return _saved(path)
    finally:
        _remove(path)


def _written(text: str, suffix: str) -> Path:
    number, name = tempfile.mkstemp(prefix="device-console-", suffix=suffix)
    with os.fdopen(number, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return Path(name)


def _saved(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise OSError(None, "the text has more than a million bytes; it is unchanged")
    try:
        return path.read_text("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise OSError(None, "the editor's file is not UTF-8; the text is unchanged") from None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
