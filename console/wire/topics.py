"""The topic space of the command channel: the only place where tenant and device of an ACK come from."""

import re
from dataclasses import dataclass

from console.domain.identifiers import id_fault
from console.limits import MAX_ID_LENGTH

_LEVELS = 6
_ROUTES_REMEMBERED = 20_000
_PLAIN_ID = rb"([A-Za-z0-9_.:-]{1,%d})" % MAX_ID_LENGTH  # which `id_fault` never refuses
_PLAIN = re.compile(rb"tenant/" + _PLAIN_ID + rb"/device/" + _PLAIN_ID + rb"/commands/ack")
PROBE = "device-console-doctor"  # device ids with this prefix are our own checks of the broker


class TopicError(ValueError):
    """A topic that is not ours to read. Its text is the escaped reason; `tenant_id` is its tenant, if any."""

    def __init__(self, text: str, tenant_id: str = "") -> None:
        super().__init__(text)
        self.tenant_id = tenant_id


@dataclass(frozen=True, slots=True)
class Route:
    """The tenant and the device of an answer."""

    tenant_id: str
    device_id: str


def command_topic(tenant_id: str, device_id: str) -> str:
    """Return the topic of the device's commands.

    Raises:
        TopicError: an id that would route elsewhere.
    """
    for name, value in (("tenant", tenant_id), ("device", device_id)):
        fault = id_fault(value)
        if fault:
            raise TopicError(f"{name} id {value[:40]!r}: {fault}")
    return f"tenant/{tenant_id}/device/{device_id}/commands"


def ack_topic(tenant_id: str, device_id: str) -> str:
    """Return the topic of the device's answers."""
    return f"{command_topic(tenant_id, device_id)}/ack"


def ack_filter(tenant_id: str = "+") -> str:
    """Return the topic filter for the answers of the whole fleet, or of one tenant."""
    return f"tenant/{tenant_id}/device/+/commands/ack"


def parse_ack_topic(topic: str) -> Route:
    """Read tenant and device from the topic of an answer.

    Raises:
        TopicError: any other topic, or ids that this console does not route: the same rule as for sending,
            because a command that was sent must be answerable.
    """
    levels = topic.split("/", _LEVELS)
    if len(levels) != _LEVELS or (levels[0], levels[2], levels[4:]) != (
        "tenant",
        "device",
        ["commands", "ack"],
    ):
        raise TopicError(f"not an ACK topic: {topic[:80]!r}")
    tenant_id, device_id = levels[1], levels[3]
    try:
        command_topic(tenant_id, device_id)
    except TopicError as error:
        raise TopicError(str(error), "" if id_fault(tenant_id) else tenant_id) from None
    return Route(tenant_id, device_id)


class Routes:
    """Reads the topic of each device's answers once, and forgets all of them when it knows too many."""

    def __init__(self, most: int = _ROUTES_REMEMBERED) -> None:
        self._most = most
        self._known: dict[bytes, Route] = {}

    def of(self, topic: bytes) -> Route:
        """Return tenant and device of a topic.

        Raises:
            TopicError: see `parse_ack_topic`.
        """
        route = self._known.get(topic)
        if route is None:
            plain = _PLAIN.fullmatch(topic)
            if plain:
                route = Route(plain[1].decode(), plain[2].decode())
            else:
                route = parse_ack_topic(topic.decode("utf-8", "replace"))
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[topic] = route
        return route
