"""From the feed to the screen: a first hint at once, then one message for each burst of hints."""

import asyncio
from collections.abc import Callable

from console.services.feed import Feed
from console.tui.messages import DataChanged

QUICK_S = 0.03
QUIET_S = 0.12


async def carry(
    feed: Feed, post: Callable[[DataChanged], object], *, quick_s: float = QUICK_S, quiet_s: float = QUIET_S
) -> None:
    """Post a message for each burst of hints, for ever.

    One change is told twice or thrice (published, answered, and by the database): the next message may follow
    soon, so that another change need not wait. As long as hints keep coming the pauses grow to `quiet_s`.
    """
    pause_s = quick_s
    async with feed.subscribe() as subscription:
        while True:
            post(DataChanged(await subscription.changed()))
            await asyncio.sleep(pause_s)
            pause_s = min(quiet_s, pause_s * 1.5) if subscription.waiting else quick_s
