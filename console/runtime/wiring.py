"""The one place where services are connected to store and mqtt: classes are passed for declared protocols."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from console.clock import SystemClock
from console.domain.danger import Danger
from console.limits import MAX_PAYLOAD_BYTES
from console.runtime.pausing import Pausing
from console.runtime.preferences import Preferences
from console.runtime.program import Program
from console.services.catalogue import Catalogues
from console.services.favourites import Favourites
from console.services.feed import Feed
from console.services.health import Health
from console.services.kept_views import KeptViews
from console.services.reads import History
from console.services.sender import Sender
from console.store.catalogue import CatalogueStore
from console.store.commands import CommandStore
from console.store.devices import DeviceStore
from console.store.pool import Database
from console.store.problems import ProblemStore

if TYPE_CHECKING:
    from console.runtime.director import Director
    from console.services.batch_send import BatchSend
    from console.services.figures import Figures


def wire_program(
    database: Database,
    *,
    tenants: tuple[str, ...],
    operator: str,
    read_only: bool = False,
    restricted: bool = False,
    may_export: bool = True,
    audit: bool = True,
    demo: bool = False,
    director: "Director | None" = None,
    max_payload_bytes: int = MAX_PAYLOAD_BYTES,
    feed: Feed | None = None,
    health: Health | None = None,
    sent: Callable[[str], None] | None = None,
    pausing: Pausing | None = None,
    warnings: tuple[str, ...] = (),
    preferences: Preferences | None = None,
    danger: Danger | None = None,
) -> Program:
    """Build what a front end needs on an open database. `sent` wakes the dispatcher after a commit.

    A read-only program uses a view of that database through which PostgreSQL lets nothing be written.
    """
    database = database.reading() if read_only else database
    commands = CommandStore(database, audit=audit)
    catalogues = Catalogues(CatalogueStore(database))
    feed, preferences = feed or Feed(), preferences or Preferences()
    tell = sent or feed.tell
    return Program(
        history=History(commands, DeviceStore(database), ProblemStore(database), catalogues),
        sender=Sender(commands, tell, max_payload_bytes), make_figures=cache(lambda: _figures(database)),
        make_bulk=cache(lambda: _bulk(database, tell, max_payload_bytes, audit=audit)),
        catalogues=catalogues, feed=feed, health=health or Health(SystemClock()),
        pausing=pausing or Pausing(), warnings=warnings, preferences=preferences, danger=danger or Danger(),
        favourites=Favourites(preferences.favourites_file or Path(os.devnull)),
        views=KeptViews(None if restricted else preferences.views_file, writes=not read_only),
        tenants=tenants, operator=operator, read_only=read_only, restricted=restricted, demo=demo,
        may_export=may_export, director=director,
    )  # fmt: skip


def _bulk(
    database: Database, tell: Callable[[str], None], max_payload_bytes: int, *, audit: bool
) -> "BatchSend":
    """Load what most programs never use."""
    from console.services.batch_send import BatchSend
    from console.store.batches import BatchStore

    return BatchSend(BatchStore(database, audit=audit), tell, max_payload_bytes)


def _figures(database: Database) -> "Figures":
    """Load what most programs never use."""
    from console.store.figures import FigureStore

    return FigureStore(database)
