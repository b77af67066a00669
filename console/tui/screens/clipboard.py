"""Copying to the operator's clipboard, through SSH and tmux; the text can also be shown and selected."""

import os
import shutil
import subprocess
from time import monotonic

from console.tui.keys.allowed import no_program
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialogs.text import TextDialog
from console.tui.widgets.notice import STAYS_S

_SHOWN = 60


def copy_text(screen: ConsoleScreen, what: str, text: str) -> None:
    """Copy by OSC 52 and, inside tmux, into its buffer; if repeated during the notice, also show the text."""
    before, now = screen.last_copied, monotonic()
    screen.app.copy_to_clipboard(text)
    may_start = no_program(screen.state.program) is None
    if may_start and os.environ.get("TMUX") and shutil.which("tmux"):
        screen.run_worker(lambda: _load_tmux(text), thread=True, group="tmux")
    if before is not None and before[0] == text and now - before[1] < STAYS_S:
        screen.last_copied = None
        screen.app.push_screen(TextDialog(f"Copied: {what}", text))
        return
    screen.last_copied = (text, now)
    head = " ".join(text.split())
    shown = head if len(head) <= _SHOWN else f"{head[:_SHOWN]}…"
    screen.say(f"Copied {what}: {shown}   (the same key again shows it)")


def _load_tmux(text: str) -> None:
    try:
        subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=3,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return
