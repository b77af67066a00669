"""One simulated device: acts once on each command, answers a copy as it answered the first."""

import json
import random
from collections import OrderedDict
from datetime import UTC, datetime

from console.simulator.behaviours import Behaviour, Reply, reply_to

_REMEMBERED = 200


class SimulatedDevice:
    """Dedupes by command id, ignores what is past its deadline, counts what it got."""

    def __init__(self, tenant_id: str, device_id: str, behaviour: Behaviour, seed: int) -> None:
        self.tenant_id = tenant_id
        self.device_id = device_id
        self.behaviour = behaviour
        self.online = True
        self.received = 0
        self.acted = 0
        self._dice = random.Random(f"{tenant_id}/{device_id}/{seed}")  # noqa: S311 - a demo, not a secret
        self._answered: OrderedDict[str, Reply] = OrderedDict()

    def receive(self, payload: bytes, now: datetime | None = None) -> tuple[Reply, bytes] | None:
        """Take one command; return the reply and its bytes, or None when there is nothing to answer."""
        if not self.online:
            return None
        self.received += 1
        try:
            command = json.loads(payload)
            command_id, expires_at = str(command["command_id"]), datetime.fromisoformat(command["expires_at"])
            command_type, params = str(command["type"]), dict(command["params"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if expires_at <= (now or datetime.now(UTC)):
            return None
        reply = self._answered.get(command_id)
        if reply is None:
            self.acted += 1
            reply = reply_to(self.behaviour, command_type, params, self._dice)
            self._answered[command_id] = reply
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        answer = {"command_id": command_id, "status": reply.status, "details": reply.details}
        return reply, json.dumps(answer).encode()

    def flap(self) -> bool:
        """Now and then a flapping device leaves or comes back; tells whether it did."""
        if self.behaviour is not Behaviour.FLAPPING or self._dice.random() > (0.15 if self.online else 0.25):
            return False
        self.online = not self.online
        return True
