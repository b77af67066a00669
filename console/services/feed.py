"""The feed: hints that a tenant's rows changed, distributed to all listeners."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Subscription:
    """One listener's collapsed hints: however many arrive, one read follows."""

    def __init__(self) -> None:
        self._pending: set[str] = set()
        self._everything = False
        self._wake = asyncio.Event()

    def put(self, tenant_id: str | None) -> None:
        if tenant_id is None:
            self._everything = True
        else:
            self._pending.add(tenant_id)
        self._wake.set()

    @property
    def waiting(self) -> bool:
        """Whether hints have arrived since the last ones were taken."""
        return self._wake.is_set()

    async def changed(self) -> frozenset[str] | None:
        """Wait for the next hints: the tenants that changed, or None when anything may have."""
        await self._wake.wait()
        self._wake.clear()
        pending, everything = frozenset(self._pending), self._everything
        self._pending.clear()
        self._everything = False
        return None if everything else pending


class Feed:
    """Passes hints on. Hints may repeat and may be lost; only the rows are authoritative."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def tell(self, tenant_id: str | None) -> None:
        """Hint that `tenant_id` changed; None means that anything may have."""
        for subscription in self._subscriptions:
            subscription.put(tenant_id)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
