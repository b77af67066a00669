"""Devices, commands and problems as cells: text and the name of a style."""

from datetime import datetime

from console.domain.commands import Command
from console.domain.devices import Device, DeviceEntry
from console.domain.events import Problem
from console.domain.safe_text import safe
from console.tui.presenters.symbols import link_cell, phase_cell
from console.tui.presenters.times import NONE, age, latency, short

Cell = tuple[str, str]


def device_cells(entry: DeviceEntry, device: Device | None, now: datetime) -> tuple[Cell, ...]:
    """DEVICE LINK SEEN SITE MODEL FW FLIGHT LAST AGE; what is not loaded yet stays blank."""
    seen = device.last_seen_at if device else entry.last_seen_at
    link = device.link if device else entry.link
    name_style = "dim" if device and device.decommissioned_at and device.decommissioned_at <= now else ""
    head: tuple[Cell, ...] = (
        (safe(entry.device_id, 64), name_style),
        link_cell(link),
        (age(seen, now), "dim"),
        (safe(entry.site_id, 32), ""),
        (safe(entry.model or NONE, 32), ""),
        (safe(entry.fw_version or NONE, 32), ""),
    )
    if device is None:
        return (*head, ("", ""), ("", ""), ("", ""))
    flight: Cell = (str(device.in_flight), "accent") if device.in_flight else (NONE, "dim")
    last = device.last_command
    if last is None:
        return (*head, flight, (NONE, "dim"), ("", ""))
    text, style = phase_cell(last.phase, late=last.late)
    symbol, _, word = text.partition(" ")
    outcome = f"{symbol} {safe(last.command_type, 24)} {word}"
    return (*head, flight, (outcome, style), (age(last.created_at, now), "dim"))


def command_cells(command: Command, now: datetime) -> tuple[Cell, ...]:
    """AGE DEVICE TYPE PHASE ANSWERED TTL BY."""
    return (
        (age(command.created_at, now), "dim"),
        (safe(command.device_id, 64), ""),
        (safe(command.command_type, 48), ""),
        phase_cell(command.phase, late=command.late),
        (latency(command.latency), ""),
        ttl_cell(command, now),
        (safe(command.created_by or NONE, 32), "dim"),
    )


def ttl_cell(command: Command, now: datetime) -> Cell:
    """What is left of the TTL while it matters."""
    if command.phase.settled:
        return NONE, "dim"
    if command.never_expires:
        return "never", "dim"
    left = command.expires_at - now
    return short(left), "warn" if left.total_seconds() < 10 else ""


def problem_cells(problem: Problem, now: datetime) -> tuple[Cell, ...]:
    """AGE KIND COUNT DEVICE COMMAND DETAIL."""
    loud = problem.kind.value.startswith(("forged", "conflict", "refused", "unroutable"))
    return (
        (age(problem.last_at, now), "dim"),
        (problem.kind.value, "bad" if loud else "warn"),
        (str(problem.count), ""),
        (safe(problem.device_id, 48), ""),
        (safe(problem.command_id, 40), "dim"),
        (safe(problem.detail, 300), ""),
    )
