"""The command palette: the actions of the screen, by name."""

from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from console.tui.keys.actions import Action
from console.tui.screens.base import ConsoleScreen

_BY_HELP = 0.1  # a match in the description ranks below any match in the name


class ActionProvider(Provider):
    """The actions of the screen under the palette; one that cannot be done now shows the reason."""

    async def discover(self) -> Hits:
        for action, text, help_text, screen in self._offers():
            yield DiscoveryHit(Content(text), partial(screen.run_listed, action), text, help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, text, help_text, screen in self._offers():
            score = matcher.match(text) or (_BY_HELP if query.casefold() in action.help.casefold() else 0)
            if score > 0:
                yield Hit(score, Content(text), partial(screen.run_listed, action), text, help_text)

    def _offers(self) -> list[tuple[Action[Any], str, str, ConsoleScreen]]:
        screen = self.screen
        if not isinstance(screen, ConsoleScreen):
            return []
        found = []
        for action in screen.actions:
            reason = action.reason(screen)
            label = screen.label(action)
            text = f"{label[:1].upper()}{label[1:]}  ({action.shown})"
            found.append((action, text, f"Not now: {reason}" if reason else action.help, screen))
        return found
