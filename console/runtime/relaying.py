"""Publishing over one link, until it breaks or another process publishes, too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from console.concurrency import end_all

if TYPE_CHECKING:
    from console.mqtt.publisher import Publisher
    from console.runtime.contest import Contest
    from console.services.dispatcher import Dispatcher


async def relay(dispatcher: Dispatcher, link: Publisher, contest: Contest) -> None:
    """Relay until the session is contested or the link breaks; record the outcomes known by then.

    Some brokers deny a publication and close the connection at once: if the end of the link cancelled it, the
    dispatcher would never record the refusal and would try again for ever.
    """
    relaying = asyncio.create_task(dispatcher.run())
    watching = asyncio.create_task(link.until_lost())
    contested = asyncio.create_task(contest.until_contested())
    try:
        await asyncio.wait((relaying, watching, contested), return_when=asyncio.FIRST_COMPLETED)
        dispatcher.end()
        await relaying
        if not contested.done():
            await watching
    finally:
        await end_all([relaying, watching, contested])
