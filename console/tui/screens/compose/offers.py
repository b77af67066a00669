"""The types that fit what is typed, under their field and over the fields below it."""

from collections.abc import Callable

from console.tui.presenters.compose import Offer, offer_lines
from console.tui.widgets.text import Lines
from console.tui.widgets.type_input import TypeInput

_MOST, _WIDEST = 8, 70  # lines and columns


class Offers(Lines):
    """Visible while the field has the focus and what is typed is no type yet. Nothing below it moves."""

    def __init__(self, about: Callable[[str], Offer]) -> None:
        """`about` returns what a type does, whether that is dangerous here, and its usual time."""
        super().__init__(id="offers")
        self._about = about

    def show_under(self, field: TypeInput) -> None:
        """Show what fits, as much as there is room for above the footer."""
        offers = field.offers if field.has_focus else ()
        self.set_class(bool(offers), "-up")
        if not offers:
            return
        place, size = field.region, self.app.size
        rows = max(2, min(len(offers) + 1, _MOST, size.height - place.bottom - 2))
        width = min(_WIDEST, size.width - place.x)
        described = [self._about(kind) for kind in offers]
        self.styles.margin = (place.bottom, 0, 0, place.x)
        self.styles.width = width
        self.show(offer_lines(field.value, described, field.marked, len(field.known), width, rows))
