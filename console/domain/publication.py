"""What is published, and the broker's answer to it."""

from dataclasses import dataclass

NO_MATCHING_SUBSCRIBERS = 0x10
_REFUSED = 0x80
_NOT_AUTHORIZED = 0x87
PACKET_TOO_LARGE = 0x95
_HINTS = {
    _NOT_AUTHORIZED: "give this console's user the right to publish there",
    PACKET_TOO_LARGE: "send smaller params, or raise the broker's largest packet",
}
_NAMES = {
    0x80: "unspecified error",
    0x83: "implementation specific error",
    _NOT_AUTHORIZED: "not authorized",
    0x90: "topic name invalid",
    PACKET_TOO_LARGE: "packet too large",
    0x91: "packet identifier in use",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
}


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to publish with QoS 1, not retained.

    `answer_to` is the topic for the device's answer, `command_id` its Correlation Data; `expiry_s` is for
    how many seconds the broker may keep it, None without end. MQTT 3.1.1 carries topic and payload only.
    """

    topic: str
    payload: bytes
    answer_to: str
    command_id: str
    expiry_s: int | None


@dataclass(frozen=True, slots=True)
class Puback:
    """A PUBACK reason code: 0x00 accepted, 0x10 nobody listens, from 0x80 on refused.

    A broker with MQTT 3.1.1 can only accept.
    """

    code: int = 0

    @property
    def accepted(self) -> bool:
        return self.code < _REFUSED

    @property
    def nobody_listens(self) -> bool:
        """Whether no subscriber matched: 0x10 proves it; 0x00 proves nothing, a bridge may have matched."""
        return self.code == NO_MATCHING_SUBSCRIBERS

    @property
    def reason(self) -> str:
        """The refusal in words."""
        return f"{_NAMES.get(self.code, 'reason')} (0x{self.code:02x})"

    @property
    def hint(self) -> str:
        """What to do about the refusal."""
        return _HINTS.get(self.code, "check its limits and access rules")
