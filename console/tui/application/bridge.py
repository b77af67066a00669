"""From the feed to the screen: a first hint at once, then one message for each burst of hints."""

import asyncio
from collections.abc import Callable

from console.services.feed import Feed
from console.tui.state.messages import DataChanged

QUICK_S = 0.02
QUIET_S = 0.12
_GROWTH = 1.5


async def carry(
    feed: Feed, post: Callable[[DataChanged], object], *, quick_s: float = QUICK_S, quiet_s: float = QUIET_S
) -> None:
    """Post a message for each burst of hints, until cancelled.

    One change is reported twice, by the worker and by the database: the second message follows soon and does
    not delay the next change. While more hints arrive, the pauses grow to `quiet_s`.
    """
    again = 0
    async with feed.subscribe() as subscription:
        while True:
            post(DataChanged(await subscription.changed()))
            await asyncio.sleep(min(quiet_s, quick_s * _GROWTH ** max(0, again - 1)))
            again = again + 1 if subscription.waiting else 0
