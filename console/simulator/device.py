"""One simulated device: runs each command once, answers duplicates again, and remembers every PUBLISH."""

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from console.domain.identifiers import id_fault
from console.simulator.behaviours import Behaviour, ReceivedCommand, Reply, behaviour_of, reply_to
from console.wire.topics import ack_topic, command_topic


class Verdict(StrEnum):
    """How a device handled a PUBLISH."""

    ACTED = "acted"
    COPY = "copy"
    OVERDUE = "overdue"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ReceivedPublish:
    """One PUBLISH as a device received it. `command_id` is empty when it could not be read."""

    tenant_id: str
    device_id: str
    command_id: str
    verdict: Verdict
    payload: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement to be published in `delay_s` seconds."""

    topic: str
    payload: bytes
    qos: int
    delay_s: float


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SimulatedDevice:
    """A device with a behaviour. It opens no connection: bytes come in, answers go out.

    Args:
        tenant_id: whose device it is.
        device_id: its id in the registry.
        behaviour: how it answers.
        seed: names the run; the same seed and commands give the same answers.
        now: the device's own clock.
        on_receipt: called with every receipt.
        keep: how many receipts and how many replies are remembered.
        site: where it stands; empty if that does not matter.
    """

    def __init__(
        self,
        tenant_id: str,
        device_id: str,
        behaviour: Behaviour = Behaviour.PROMPT,
        *,
        seed: str = "",
        now: Callable[[], datetime] = _utc_now,
        on_receipt: Callable[[ReceivedPublish], None] | None = None,
        keep: int = 200,
        site: str = "",
    ) -> None:
        self.tenant_id = tenant_id
        self.device_id = device_id
        self.behaviour = behaviour
        self.site = site
        self.topic = command_topic(tenant_id, device_id)
        self.receipts: deque[ReceivedPublish] = deque(maxlen=keep)
        self.acted = 0
        self._ack_topic = ack_topic(tenant_id, device_id)
        self._seed = f"{seed}/{tenant_id}/{device_id}"
        self._now = now
        self._on_receipt = on_receipt
        self._keep = keep
        self._replies: OrderedDict[str, tuple[Answer, ...]] = OrderedDict()

    def receive(self, payload: bytes) -> tuple[Answer, ...]:
        """Process one PUBLISH; return the answers to publish."""
        now = self._now()
        read = _read(payload)
        if read is None:
            self._record(
                ReceivedPublish(self.tenant_id, self.device_id, "", Verdict.UNREADABLE, payload, now)
            )
            return ()
        order, expires_at = read
        known = self._replies.get(order.command_id)
        if known is None and expires_at <= now:
            verdict = Verdict.OVERDUE
        else:
            verdict = Verdict.ACTED if known is None else Verdict.COPY
        if verdict is Verdict.ACTED:
            try:
                known = self._act(order)
            except RecursionError:  # params that can be read and are too deep to be repeated
                verdict = Verdict.UNREADABLE
        self._record(ReceivedPublish(self.tenant_id, self.device_id, order.command_id, verdict, payload, now))
        return known or ()

    def _act(self, order: ReceivedCommand) -> tuple[Answer, ...]:
        reply = reply_to(self.behaviour, order, self._seed)
        answers = () if reply is None else self._answers(order.command_id, reply)
        self.acted += 1
        self._replies[order.command_id] = answers
        if len(self._replies) > self._keep:
            self._replies.popitem(last=False)
        return answers

    def _answers(self, command_id: str, reply: Reply) -> tuple[Answer, ...]:
        message = {"command_id": command_id, "status": reply.status, "details": reply.details}
        payload = json.dumps(message | (reply.extras or {}), separators=(",", ":")).encode()
        return (Answer(self._ack_topic, payload, reply.qos, reply.delay_s),) * reply.copies

    def _record(self, receipt: ReceivedPublish) -> None:
        self.receipts.append(receipt)
        if self._on_receipt is not None:
            self._on_receipt(receipt)


def make_devices(
    tenant_id: str,
    device_ids: list[str] | tuple[str, ...],
    *,
    seed: str = "",
    on_receipt: Callable[[ReceivedPublish], None] | None = None,
    sites: Sequence[str] = (),
) -> tuple[SimulatedDevice, ...]:
    """Build a tenant's devices; the place in the list decides the behaviour. `sites` has one for each."""
    places = sites or ("",) * len(device_ids)
    return tuple(
        SimulatedDevice(
            tenant_id, device_id, behaviour_of(index), seed=seed, on_receipt=on_receipt, site=site
        )
        for index, (device_id, site) in enumerate(zip(device_ids, places, strict=True))
    )


def _read(payload: bytes) -> tuple[ReceivedCommand, datetime] | None:
    try:
        message = json.loads(payload)
        command_id, command_type, params = message["command_id"], message["type"], message["params"]
        expires_at = datetime.fromisoformat(message["expires_at"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    readable = isinstance(command_id, str) and isinstance(command_type, str) and isinstance(params, dict)
    if not readable or id_fault(command_id) or expires_at.tzinfo is None:
        return None
    return ReceivedCommand(command_id, command_type, params), expires_at
