"""The command palette over the action table."""

from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.tui.actions import ACTIONS, Action


class ActionProvider(Provider):
    """Offers the acts of the visible screen."""

    def _offered(self) -> list[Action]:
        screen: Any = self.screen
        name = getattr(screen, "NAME", "")
        return [a for a in ACTIONS if name in a.screens and screen.check_action("do", (a.id,))]

    async def discover(self) -> Hits:
        screen: Any = self.screen
        for action in self._offered():
            yield DiscoveryHit(action.label, partial(screen.action_do, action.id), help=action.help)

    async def search(self, query: str) -> Hits:
        screen: Any = self.screen
        matcher = self.matcher(query)
        for action in self._offered():
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(action.label),
                    partial(screen.action_do, action.id),
                    help=action.help,
                )
