"""The size of the terminal, looked at once a second: the report of a change gets lost now and then."""

import os
import sys

from textual import events
from textual.app import App
from textual.geometry import Size


def follow_size(app: App[int]) -> None:
    """Tell the application its terminal's size when it believes in another one."""
    stream = sys.__stderr__  # where Textual draws
    if app.is_headless or stream is None:
        return
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return
    size = Size(columns, rows)
    if columns and rows and size != app.size:
        app.post_message(events.Resize(size, size))
