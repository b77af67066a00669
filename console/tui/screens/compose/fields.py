"""The fields that a command is typed into, and what is wrong with their contents."""

from collections.abc import Callable
from datetime import timedelta

from textual.widgets import Input

from console.domain.catalogue import Listing
from console.domain.commands import type_fault
from console.domain.ttl import typed_ttl, typed_ttl_fault
from console.limits import DEFAULT_TTL
from console.services.favourites import Saved
from console.tui.presenters.compose import unknown_type
from console.tui.screens.compose.params import ParamsEditor
from console.tui.state.console_state import UnsentCommand
from console.tui.widgets.type_input import TypeInput


class ComposeFields:
    """Type, time to live and params of an unsent command. The screen lays the widgets out."""

    def __init__(
        self,
        unsent: UnsentCommand,
        params_fault: Callable[[str], str | None],
        listing_of: Callable[[str], Listing],
    ) -> None:
        """`listing_of` returns the catalogue's entry for a type."""
        self._unsent = unsent
        self._listing_of = listing_of
        self.type = TypeInput(unsent.command_type, id="type")
        self.ttl = Input(unsent.ttl, compact=True, max_length=20, id="ttl")
        self.params = ParamsEditor(unsent.params, params_fault, lambda: self.listing)

    @property
    def listing(self) -> Listing:
        """The catalogue's entry for the type."""
        return self._listing_of(self.type.value)

    @property
    def unknown_type(self) -> str:
        """Why the type is probably mistyped; empty if it is not."""
        kind, listing = self.type.value, self.listing
        others = [name for name in self.type.known if name != kind]
        was_sent = len(others) < len(self.type.known)
        if listing.is_unknown or not (listing.devices or was_sent):
            return unknown_type(kind, others, is_catalogued=listing.is_unknown)
        return ""

    @property
    def lifetime(self) -> timedelta | None:
        """The time to live; None unless what is typed is valid."""
        return typed_ttl(self.ttl.value)

    @property
    def lifetime_or_default(self) -> timedelta:
        """The time to live; the default while what is typed is not valid."""
        return self.lifetime or DEFAULT_TTL

    @property
    def fault(self) -> str | None:
        """Why what is typed cannot be sent as a command."""
        return type_fault(self.type.value) or typed_ttl_fault(self.ttl.value) or self.params.text_fault

    def content(self) -> Saved:
        """Return what is typed as a favourite."""
        return Saved(self.type.value, self.params.text, self.ttl.value.strip())

    def fill(self, command: Saved) -> None:
        """Fill the fields with an earlier command."""
        self.type.value, self.ttl.value = command.command_type, command.ttl
        self.params.load(command.params)

    def keep(self) -> None:
        """Write what is typed into the unsent command, which outlives the screen."""
        unsent = self._unsent
        unsent.command_type, unsent.params, unsent.ttl = self.type.value, self.params.text, self.ttl.value
