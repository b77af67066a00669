"""What is looked at before somebody is let in: their tenants."""

import math
import time

from console.runtime.startup import RunningProgram
from console.serve.identity import Identity, NotAdmittedError

_KNOWN_S = 60.0


class Preparation:
    """Gets ready for whoever comes: their tenants exist, and what happens to them is reported here.

    A tenant that was seen lately is not looked up: when many come at once, connections are scarce.
    """

    def __init__(self, opened: RunningProgram) -> None:
        self._opened = opened
        self._seen_at: dict[str, float] = {}

    async def __call__(self, who: Identity) -> None:
        """Get ready.

        Raises:
            NotAdmittedError: one of the tenants does not exist.
            DatabaseUnreachableError: the database does not answer.
        """
        for tenant_id in who.tenants:
            if not self._is_known(tenant_id):
                if await self._opened.program.history.tenant(tenant_id) is None:
                    raise NotAdmittedError(f"there is no tenant {tenant_id!r} in this database")
                self._seen_at[tenant_id] = time.monotonic()
        if self._opened.workers is not None:
            await self._opened.workers.also_for(who.tenants)

    def _is_known(self, tenant_id: str) -> bool:
        seen_at = self._seen_at.get(tenant_id, -math.inf)
        is_up = self._opened.program.health.view().database.up
        return is_up and time.monotonic() - seen_at < _KNOWN_S
