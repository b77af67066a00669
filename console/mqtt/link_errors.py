"""Errors of a link to a broker: the cause, found by codes and types, and a sentence about it."""

import asyncio
import ssl

import aiomqtt

from console.domain.link_causes import cause_of, with_cause
from console.errors import BrokerUnreachableError, Cause, Link, RefusedError, TakenOverError

_UNSUPPORTED = {1, 132}
_CERTIFICATE_HINT = " If it asks for a certificate of ours, set CONSOLE_MQTT_CERT and CONSOLE_MQTT_KEY."
_ACCESS = {4, 5, 134, 135, 138, 140}
_UNSPECIFIED, _TAKEN_OVER = 0x80, 0x8E


class ProtocolRefusedError(Exception):
    """The broker does not support the protocol version."""


class UnansweredError(Exception):
    """The broker hung up on a CONNECT of MQTT 5 or did not answer: it may lack MQTT 5, or be in trouble.

    `meant` is the failure to report if it supports MQTT 5.
    """

    def __init__(self, meant: BrokerUnreachableError) -> None:
        super().__init__(str(meant))
        self.meant = meant


class HungUpError(aiomqtt.MqttError):
    """The broker closed the connection before its CONNACK."""


class NoWebSocketsError(ConnectionError):
    """What answers there does not open WebSockets for MQTT; `target` is what was asked for."""

    def __init__(self, target: str) -> None:
        path = target.partition("?")[0]  # behind it may be a secret
        super().__init__(f"it opens no WebSocket at {path}: check the port, and the path in MQTT_URL")


class SilentBrokerError(aiomqtt.MqttError):
    """The broker has not answered a ping for too long."""


class MalformedStreamError(aiomqtt.MqttError):
    """The broker sent bytes that are not MQTT."""


def connect_error(error: aiomqtt.MqttError, label: str, *, tls: bool, v5: bool) -> Exception:
    """Return the error of a failed connection attempt; ProtocolRefusedError if 3.1.1 may still work."""
    if isinstance(error, HungUpError) and v5:
        return UnansweredError(unreachable(label, error, _CERTIFICATE_HINT if tls else ""))
    if isinstance(error, aiomqtt.MqttCodeError):
        return _by_code(error, label, v5=v5)
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RefusedError(
            f"The certificate of the broker at {label} does not verify ({cause.verify_message}): "
            "check the host name and CONSOLE_MQTT_CA.",
            link=Link.BROKER, cause=Cause.TLS, detail=cause.verify_message,
        )  # fmt: skip
    hint = _CERTIFICATE_HINT if tls and isinstance(cause, HungUpError | ssl.SSLError) else ""
    failure = unreachable(label, cause, hint)
    return UnansweredError(failure) if v5 and isinstance(cause, TimeoutError) else failure


def _by_code(error: aiomqtt.MqttCodeError, label: str, *, v5: bool) -> Exception:
    """Return the error for a reason code in the CONNACK."""
    code = _code_of(error)
    if code in _UNSUPPORTED and v5:
        return ProtocolRefusedError()
    if code in _ACCESS:
        return RefusedError(
            f"The broker at {label} refused the login ({error}): check the user and password in MQTT_URL "
            "and the broker's client id rules.",
            link=Link.BROKER, cause=Cause.LOGIN, detail=f"the login was refused, {error}",
        )  # fmt: skip
    return BrokerUnreachableError(
        f"The broker at {label} refused the connection ({error}).",
        cause=Cause.REFUSED,
        detail=f"connection refused, {error}",
    )


def unreachable(label: str, error: BaseException, hint: str = "") -> BrokerUnreachableError:
    """Return the error for a broker that does not answer; aiomqtt's own errors quote the underlying one."""
    cause, detail = _cause_of(error)
    text = with_cause(f"The broker at {label} does not answer", cause, detail)
    return BrokerUnreachableError(f"{text}{hint}", cause=cause, detail=detail)


def lost_error(lost: asyncio.Future[None], label: str) -> BrokerUnreachableError:
    """Return the error for a link that broke; `lost` is the future that ended with it."""
    error = None if lost.cancelled() or not lost.done() else lost.exception()
    code = _code_of(error)
    broke = f"The link to the broker at {label} broke"
    if code == _TAKEN_OVER:
        reason = "another client took over our client id: look for a second program with the same id"
        return TakenOverError(f"{broke} ({reason}).", is_certain=True, detail=reason)
    if code == _UNSPECIFIED:  # mosquitto 2.0.11 gives no reason when another client takes the session over
        reason = "it hung up without a reason: if that repeats, look for a second program with our client id"
        return TakenOverError(f"{broke} ({reason}).", is_certain=False, detail=reason)
    cause, detail = (Cause.CLOSED, "it closed the connection") if error is None else _cause_of(error)
    return BrokerUnreachableError(with_cause(broke, cause, detail), cause=cause, detail=detail)


def _cause_of(error: BaseException) -> tuple[Cause, str]:
    if isinstance(error, HungUpError):
        return Cause.CLOSED, str(error)
    if isinstance(error, SilentBrokerError):
        return Cause.NO_ANSWER, str(error)
    return cause_of(error)


def _code_of(error: BaseException | None) -> int | None:
    """Return the reason code that the link ended with, if it had one."""
    reason = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    code = getattr(reason, "value", reason)
    return code if isinstance(code, int) else None
