"""From the feed to the visible screen: the first hint at once, then one pass per 100 ms."""

import asyncio
from collections.abc import Callable

from console.services.feed import Feed

COLLAPSE_S = 0.1
SAFETY_POLL_S = 5.0


class Bridge:
    """Calls `changed` when the shown tenant may have changed; a slow poll is the safety net."""

    def __init__(self, feed: Feed, tenant: Callable[[], str], changed: Callable[[], None]) -> None:
        self._feed = feed
        self._tenant = tenant
        self._changed = changed

    async def run(self) -> None:
        """Listen until cancelled."""
        async with self._feed.subscribe() as subscription:
            while True:
                try:
                    async with asyncio.timeout(SAFETY_POLL_S):
                        tenants = await subscription.changed()
                except TimeoutError:
                    tenants = None
                if tenants is None or self._tenant() in tenants:
                    self._changed()
                    await asyncio.sleep(COLLAPSE_S)
