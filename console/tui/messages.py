"""What the bridge tells the visible screen."""

from textual.message import Message


class RowsChanged(Message):
    """Re-read what is shown: rows of the shown tenant may have changed."""


class StatusChanged(Message):
    """A second has passed or the links changed: redraw header, banner and countdowns."""
