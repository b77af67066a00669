"""What `:` offers without a look-up, which of all fits best, and what may be taken unseen."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from textual.message import Message

from console.domain.filters.values import quoted
from console.domain.text.safe import safe
from console.domain.views import View, view_words
from console.runtime.director import NOTES, Director, Scene
from console.tui.screens.base import ConsoleScreen
from console.tui.state.choices import Choice, Kind
from console.tui.state.messages import (
    AskForScene,
    ShowBatches,
    ShowDevices,
    ShowFleet,
    ShowHistory,
    ShowOverview,
    ShowProblems,
    SwitchQuiet,
)

_SCREENS: tuple[tuple[str, str, Callable[[], Message]], ...] = (
    ("overview", "The last hour at a glance", ShowOverview),
    ("devices", "The list of devices", ShowDevices),
    ("fleet", "The fleet as cells, one a device", ShowFleet),
    ("history", "The history of the tenant", lambda: ShowHistory(None)),
    ("problems", "Answers that matched nothing, broken links", ShowProblems),
    ("batches", "Bulk sends and their progress", ShowBatches),
)
_ELSEWHERE = frozenset({
    "overview", "devices", "history", "batches", "batches_3", "problems", "problems_6", "goto", "back",
    "fleet", "open",
})  # fmt: skip
_LEAST = 2  # letters from which on a text may stand in the middle of a name


def screens(text: str = "") -> list[Choice]:
    """Return the screens whose word begins so."""
    return [
        Choice(Kind.SCREEN, word, word, note, opens)
        for word, note, opens in _SCREENS
        if word.startswith(text) or (text and "bulk sends".startswith(text) and word == "batches")
    ]


def sites(text: str, known: Iterable[str]) -> list[Choice]:
    """Return the sites whose name begins so; opening one filters the devices."""
    typed = text.casefold()
    return [
        Choice(Kind.SITE, name, name, "its devices", partial(ShowDevices, f"site:{quoted(name)}"))
        for name in known
        if name.casefold().startswith(typed) and safe(name, 100) == name and not set(name) & set('"\\')
    ]


def views(text: str, kept: Iterable[View]) -> list[Choice]:
    """Return the saved views whose name begins so, or one of its words; also after the word "view"."""
    typed = text.casefold().removeprefix("view ").strip()
    return [
        Choice(
            Kind.VIEW, view.name, safe(view.name, 60), safe(view_words(view), 100),
            partial(ShowDevices, view=view.name),
        )
        for view in kept
        if typed and f" {view.name.casefold()}".find(f" {typed}") >= 0
    ]  # fmt: skip


def acts(text: str, screen: ConsoleScreen) -> list[Choice]:
    """Return what can be done on this screen, by the beginning of a word of its label, then by any part."""
    typed = text.casefold()
    begin: list[Choice] = []
    contain: list[Choice] = []
    for action in screen.actions:
        label, reason = screen.label(action), action.reason(screen)
        note = f"not now: {reason}" if reason else action.help
        choice = Choice(Kind.ACT, action.id, f"{label}  {action.shown}", note, action=action)
        words = label.casefold()
        if action.id in _ELSEWHERE or not typed:
            continue
        if f" {words}".find(f" {typed}") >= 0:
            begin.append(choice)
        elif len(typed) >= _LEAST and typed in words:
            contain.append(choice)
    return [*begin, *contain]


def requests(text: str, director: Director | None) -> list[Choice]:
    """Return what can be asked for beside the acts of a screen: quiet, and in a demo its scenes."""
    typed = text.casefold()
    found = [Choice(Kind.ACT, "quiet", "quiet", "on or off: write only answers to keys", SwitchQuiet)]
    if director is not None:
        found += [
            Choice(Kind.ACT, f"demo {scene}", f"demo {scene}", NOTES[scene], partial(AskForScene, scene))
            for scene in Scene
        ]
    return [one for one in found if typed and (one.id.startswith(typed) or f" {typed}" in one.id)]


def is_exactly(choice: Choice, text: str) -> bool:
    """Return whether the text names this choice in full."""
    return text == choice.id and choice.kind is not Kind.ACT


def ranked(text: str, found: Iterable[Choice], recent: Sequence[tuple[str, str]]) -> tuple[Choice, ...]:
    """Order what was found: what the text names in full, what was chosen lately, then kind by kind."""
    kinds, lately = list(Kind), {key: place for place, key in enumerate(recent)}
    once = {choice.key: choice for choice in found}
    order = lambda one: (  # noqa: E731
        not is_exactly(one, text), lately.get(one.key, len(lately)), kinds.index(one.kind),
    )  # fmt: skip
    return tuple(sorted(once.values(), key=order))


def only(text: str, found: Sequence[Choice]) -> Choice | None:
    """Return the one choice that a text names which was typed faster than the list was drawn.

    A text that fits several, or an act, is never taken unseen.
    """
    exact = [choice for choice in found if is_exactly(choice, text)]
    if exact:
        return exact[0]
    for kinds in ({Kind.DEVICE}, {Kind.SCREEN}, {Kind.SITE}, {Kind.BATCH, Kind.COMMAND}, {Kind.VIEW}):
        fit = [choice for choice in found if choice.kind in kinds]
        if fit:
            return fit[0] if len(fit) == 1 and fit[0].id.startswith(text) and len(text) > 1 else None
    return None
