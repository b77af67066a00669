"""Every screen and its actions, for checking the keymap and for the help."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from console.runtime.program import Program
from console.tui.keys.actions import Action
from console.tui.keys.allowed import allowed
from console.tui.keys.keymap import with_keys
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.batch import BatchScreen
from console.tui.screens.batches import BatchesScreen
from console.tui.screens.compose.screen import ComposeScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.device import DeviceScreen
from console.tui.screens.devices import DevicesScreen
from console.tui.screens.diff import DiffScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.history import HistoryScreen
from console.tui.screens.live import LiveScreen
from console.tui.screens.log import LogScreen
from console.tui.screens.overview import OverviewScreen
from console.tui.screens.problems import ProblemsScreen

SCREENS: tuple[type[ConsoleScreen], ...] = (
    DevicesScreen, HistoryScreen, DetailScreen, ComposeScreen, ProblemsScreen, BatchesScreen, BatchScreen,
    OverviewScreen, DeviceScreen, DiffScreen, FleetScreen, LogScreen, LiveScreen,
)  # fmt: skip
ACTIONS: Mapping[str, tuple[Action[Any], ...]] = MappingProxyType(
    {screen.KIND: screen.ACTIONS for screen in SCREENS}
)


def offered(name: str, program: Program, keys: Mapping[str, str]) -> list[Action[Any]]:
    """Return the actions of a screen that this program has, with the operator's own keys."""
    return [with_keys(action, name, keys) for action in allowed(ACTIONS[name], program)]
