"""The field of a command's type, with a list of the types that fit what is typed."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from console.domain.text.safe import safe

AS_TYPED = -1


class TypeInput(Input):
    """A command type. Of the types that fit what is typed one is marked, and enter takes the marked one.

    In an empty field down and up step through all types; a type that is typed in full fits only itself.
    """

    class Marked(Message):
        """Another offer is marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("tab", "complete", show=False),
    ]

    def __init__(self, value: str, *, id: str) -> None:  # noqa: A002
        super().__init__(
            value,
            placeholder="for example reboot",
            compact=True,
            max_length=100,
            id=id,
            select_on_focus=False,
        )
        self.recent: tuple[str, ...] = ()
        self.listed: tuple[str, ...] = ()
        self.mark = 0
        self._place = AS_TYPED
        self._marked_for = value

    def take(self, recent: Sequence[str], listed: Sequence[str]) -> None:
        """Offer recently sent types, then the others listed; leave out those that cannot be shown."""
        self.recent = tuple(kind for kind in recent if safe(kind, 100) == kind)
        self.listed = tuple(kind for kind in listed if safe(kind, 100) == kind and kind not in self.recent)

    @property
    def known(self) -> tuple[str, ...]:
        """All types on offer."""
        return self.recent + self.listed

    @property
    def offers(self) -> tuple[str, ...]:
        """The types that fit what is typed: those that begin with it, then those that contain it."""
        typed, known = self.value.strip().lower(), self.known
        if not typed or self.value in known:
            return ()
        begin = [kind for kind in known if kind.lower().startswith(typed)]
        contain = [kind for kind in known if typed in kind.lower() and kind not in begin]
        return (*begin, *contain)

    @property
    def marked(self) -> str | None:
        """The type that enter takes; None if it takes what is typed."""
        offers = self.offers
        if self.value != self._marked_for:
            self.mark, self._marked_for = 0, self.value
        return offers[self.mark] if offers and self.mark != AS_TYPED else None

    def _take_marked(self) -> bool:
        marked = self.marked
        if marked is None:
            return False
        self.value = marked
        self.cursor_position = len(marked)
        return True

    async def action_submit(self) -> None:
        """Take the marked type, if there is one, and go on."""
        self._take_marked()
        await super().action_submit()

    def action_complete(self) -> None:
        """Take the marked type; if there is none, go to the next field."""
        if not self._take_marked():
            self.screen.focus_next()

    def on_blur(self) -> None:
        self._place = AS_TYPED

    def action_step(self, by: int) -> None:
        """Mark the next offer, step through all types in an empty field, or go to the next field."""
        offers = self.offers
        if offers:
            self.mark = max(AS_TYPED, min(len(offers) - 1, (self.mark if self.marked else AS_TYPED) + by))
            self.post_message(self.Marked())
            return
        known = self.known
        walking = 0 <= self._place < len(known) and self.value == known[self._place]
        if self.value and not walking:
            (self.screen.focus_next if by > 0 else self.screen.focus_previous)()
        elif known:
            self._place = (self._place + by) % len(known) if walking else min(by, 0) % len(known)
            self.value = known[self._place]
            self.cursor_position = len(self.value)
