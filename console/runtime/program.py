"""What a front end gets: the services, who the operator is, and where this program runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.domain.danger import Danger
from console.runtime.pausing import Pausing
from console.runtime.preferences import Preferences
from console.services.catalogue import Catalogues
from console.services.favourites import Favourites
from console.services.feed import Feed
from console.services.health import Health
from console.services.kept_views import KeptViews
from console.services.reads import History
from console.services.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.runtime.director import Director
    from console.services.batch_send import BatchSend
    from console.services.figures import Figures


@dataclass(frozen=True, slots=True)
class Program:
    """One running program. `tenants` is never empty if there is an operator; the first is shown first.

    `restricted`: no key starts a program, opens a file of this host or suspends the process.
    `director`: who makes things happen in the demo; None where the data is real.
    `may_export`: whether the operator may write an export into a file here.
    """

    history: History
    sender: Sender
    make_bulk: Callable[[], BatchSend]
    make_figures: Callable[[], Figures]
    catalogues: Catalogues
    feed: Feed
    health: Health
    favourites: Favourites
    pausing: Pausing
    tenants: tuple[str, ...]
    operator: str
    read_only: bool = False
    restricted: bool = False
    may_export: bool = True
    demo: bool = False
    director: Director | None = None
    warnings: tuple[str, ...] = ()
    views: KeptViews = field(default_factory=KeptViews)
    preferences: Preferences = field(default_factory=Preferences)
    danger: Danger = field(default_factory=Danger)

    @property
    def bulk(self) -> BatchSend:
        """Bulk sends, loaded when they are first needed: `make_bulk` returns the same each time."""
        return self.make_bulk()

    @property
    def figures(self) -> Figures:
        """Counts of what ended, loaded when they are first needed."""
        return self.make_figures()
