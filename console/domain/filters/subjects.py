"""Rows as values for a filter: the counterpart in Python of the columns that the filter's SQL reads."""

from collections.abc import Iterable

from console.domain.acks import answer_code
from console.domain.commands import OPEN, Command
from console.domain.devices import Device
from console.domain.filters.language import Subject


def command_subject(command: Command, device: Device | None = None, groups: Iterable[str] = ()) -> Subject:
    """Return the values of a command, with those of its device if that is known."""
    texts = {
        "device": command.device_id,
        "status": command.status,
        "phase": command.phase.value,
        "type": command.command_type,
        "by": command.created_by or "",
        "answer": command.ack_status or "",
        "code": answer_code(command.ack_json),
        "id": command.command_id,
        **(_registered(device) if device else {"link": "unknown"}),
    }
    everything = (
        command.device_id, command.command_type, command.phase.value, command.created_by, command.ack_status,
        command.command_id,
    )  # fmt: skip
    instants = {"age": command.created_at}
    if command.phase in OPEN:
        instants["ttl"] = command.expires_at
    return Subject(texts, _many(device, groups), instants, _joined(everything))


def device_subject(device: Device, groups: Iterable[str] = ()) -> Subject:
    """Return the values of a device and its newest command."""
    last = device.last_command
    texts = {
        "device": device.device_id,
        "status": device.link.value,
        **_registered(device),
        "phase": last.phase.value if last else "",
        "type": last.command_type if last else "",
        "by": (last.created_by if last else None) or "",
    }
    everything = (
        device.device_id, device.link.value, device.site_id, device.model, device.fw_version, device.state,
        device.name, device.manufacturer, device.template,
    )  # fmt: skip
    instants = {}
    if device.last_seen_at is not None:
        instants["seen"] = device.last_seen_at
    if last is not None:
        instants["age"] = last.created_at
        if last.phase in OPEN:
            instants["ttl"] = last.expires_at
    return Subject(texts, _many(device, groups), instants, _joined(everything), device.tags)


def _registered(device: Device) -> dict[str, str]:
    return {
        "link": device.link.value,
        "state": device.state,
        "site": device.site_id,
        "name": device.name or "",
        "model": device.model or "",
        "parent": device.parent_id or "",
        "fw": device.fw_version or "",
    }


def _many(device: Device | None, groups: Iterable[str]) -> dict[str, frozenset[str]]:
    templates = (device.template, device.template_slug) if device else ()
    return {
        "tag": frozenset(device.tags if device else ()),
        "group": frozenset(groups),
        "template": frozenset(name for name in templates if name),
    }


def _joined(parts: Iterable[str | None]) -> str:
    return " ".join(part for part in parts if part is not None)
