"""What a letter of the jump mode can go to on a screen."""

from functools import partial

from console.tui.keys.places import Place
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.table import LineTable


def places_of(screen: ConsoleScreen) -> list[Place]:
    """Return what takes the focus, headings that sort, the keys of the footer, and what the screen adds."""
    found = list(screen.own_places())
    for widget in screen.focus_chain:
        is_table = isinstance(widget, LineTable)
        found.append(Place(widget.region.x, widget.region.y + is_table, widget.focus))
        if isinstance(widget, LineTable):
            top = widget.region.y
            found += [Place(x, top, partial(widget.click_head, column)) for column, x in widget.heads_at()]
    bar = screen.key_bar
    found += [
        Place(bar.region.x + start, bar.region.y, partial(bar.run, action)) for start, action in bar.places()
    ]
    return found
