"""The operator's settings for a front end, and where it may write files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.settings import Settings


@dataclass(frozen=True, slots=True)
class Preferences:
    """Typed, as the settings are. Without a place nothing is written: log, report, what is remembered."""

    theme: str = "auto"
    mouse: bool = True
    start: str = "devices"
    quiet: str = "auto"
    keys: Mapping[str, str] = field(default_factory=dict)
    log_folder: Path | None = None
    favourites_file: Path | None = None
    theme_file: Path | None = None
    tour_file: Path | None = None
    views_file: Path | None = None


def preferences(settings: Settings) -> Preferences:
    """Return the preferences in the settings."""
    return Preferences(
        theme=settings.theme,
        mouse=settings.mouse,
        start=settings.start,
        quiet=settings.quiet,
        keys=settings.keys,
        log_folder=settings.log_folder,
        favourites_file=settings.favourites_file,
        theme_file=settings.favourites_file.with_name("theme"),
        tour_file=settings.favourites_file.with_name("tour"),
        views_file=settings.favourites_file.with_name("views.json"),
    )
