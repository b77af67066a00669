"""From the feed to the screen: the first hint at once, then at most one message for each 100 ms."""

import asyncio
from collections.abc import Callable

from console.services.feed import Feed
from console.tui.messages import DataChanged

QUIET_S = 0.1


async def carry(feed: Feed, post: Callable[[DataChanged], object], quiet_s: float = QUIET_S) -> None:
    """Post a message for each burst of hints, for ever."""
    async with feed.subscribe() as subscription:
        while True:
            post(DataChanged(await subscription.changed()))
            await asyncio.sleep(quiet_s)
