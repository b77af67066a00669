"""The size of the terminal, checked once a second: the report of a change is lost now and then."""

import os
import sys

from textual import events
from textual.app import App
from textual.geometry import Size


def follow_size(app: App[int]) -> None:
    """Post a resize event when the application's size differs from its terminal's."""
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
