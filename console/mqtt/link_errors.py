"""What went wrong with a link to a broker, in a sentence."""

import asyncio
import ssl

import aiomqtt

from console.errors import BrokerUnreachableError, RefusedError, TakenOverError

_UNSUPPORTED = {1, 132}
_CERTIFICATE_HINT = " If it asks for a certificate of ours, set CONSOLE_MQTT_CERT and CONSOLE_MQTT_KEY."
_ACCESS = {4, 5, 134, 135, 138, 140}
_UNSPECIFIED, _TAKEN_OVER = 0x80, 0x8E


class ProtocolRefusedError(Exception):
    """The broker does not know the protocol version."""


class UnansweredError(Exception):
    """The broker hung up upon a CONNECT of MQTT 5, or says nothing: it may not know it, or be in trouble."""


class HungUpError(aiomqtt.MqttError):
    """The broker closed the connection before its CONNACK."""


def connect_error(error: aiomqtt.MqttError, label: str, *, tls: bool, v5: bool) -> Exception:
    """Why a connection did not come about, in a sentence; ProtocolRefusedError where 3.1.1 may still do."""
    if isinstance(error, HungUpError) and v5:
        hint = _CERTIFICATE_HINT if tls else ""
        return UnansweredError(f"The broker at {label} does not answer ({error}).{hint}")
    if isinstance(error, aiomqtt.MqttCodeError):
        code = getattr(error.rc, "value", error.rc)
        if code in _UNSUPPORTED and v5:
            return ProtocolRefusedError()
        if code in _ACCESS:
            return RefusedError(
                f"The broker at {label} refused the login ({error}): check the user and password in MQTT_URL "
                "and the broker's client id rules."
            )
        return BrokerUnreachableError(f"The broker at {label} refused the connection ({error}).")
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RefusedError(
            f"The certificate of the broker at {label} does not verify ({cause.verify_message}): "
            "check the host name and CONSOLE_MQTT_CA."
        )
    if isinstance(cause, TimeoutError):
        text = f"The broker at {label} does not answer (no CONNACK in time)."
        return UnansweredError(text) if v5 else BrokerUnreachableError(text)
    hint = _CERTIFICATE_HINT if tls and isinstance(cause, HungUpError | ssl.SSLError) else ""
    return BrokerUnreachableError(f"The broker at {label} does not answer ({cause}).{hint}")


def lost_error(lost: asyncio.Future[None], label: str) -> BrokerUnreachableError:
    """The sentence for a link that broke; `lost` is the future that ended with it."""
    error = None if lost.cancelled() or not lost.done() else lost.exception()
    code = _code_of(error)
    if code == _TAKEN_OVER:
        reason = "another client took over our client id: look for a second program with the same id"
    elif code == _UNSPECIFIED:  # mosquitto 2.0.11 takes a session over without a word
        reason = "it hung up without a reason: if that repeats, look for a second program with our client id"
    else:
        reason = str(error) if error else "it closed the connection"
    text = f"The link to the broker at {label} broke ({reason})."
    if code in {_TAKEN_OVER, _UNSPECIFIED}:
        return TakenOverError(text, is_certain=code == _TAKEN_OVER)
    return BrokerUnreachableError(text)


def _code_of(error: BaseException | None) -> int | None:
    """The reason code that the link ended with, where it had one."""
    reason = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    code = getattr(reason, "value", reason)
    return code if isinstance(code, int) else None
