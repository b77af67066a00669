"""The broker's answer to a PUBLISH."""

from dataclasses import dataclass

NO_MATCHING_SUBSCRIBERS = 0x10
_REFUSED = 0x80
_NOT_AUTHORIZED, _PACKET_TOO_LARGE = 0x87, 0x95
_HINTS = {
    _NOT_AUTHORIZED: "give this console's user the right to publish there",
    _PACKET_TOO_LARGE: "send smaller params, or raise the broker's largest packet",
}
_NAMES = {
    0x80: "unspecified error",
    0x83: "implementation specific error",
    _NOT_AUTHORIZED: "not authorized",
    0x90: "topic name invalid",
    _PACKET_TOO_LARGE: "packet too large",
    0x91: "packet identifier in use",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
}


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
