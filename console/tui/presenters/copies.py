"""What an operator takes away: a command as JSON, and the shell line that does the same."""

import json
import shlex
from datetime import datetime, timedelta

from console.domain.commands import Command
from console.domain.json_text import json_depth

_PROGRAM = "device-console"


def command_json(command: Command) -> str:
    """A command as JSON; params and answer as the database holds them."""
    fields: dict[str, str | bool | int | None] = {
        "tenant_id": command.tenant_id,
        "command_id": command.command_id,
        "device_id": command.device_id,
        "type": command.command_type,
        "phase": command.phase.value,
        "late": command.late,
        "created_at": _iso(command.created_at),
        "published_at": _iso(command.published_at),
        "acked_at": _iso(command.acked_at),
        "expires_at": _iso(command.expires_at),
        "created_by": command.created_by,
    }
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    parts.append(f'"params": {_embedded(command.params_json)}')
    parts.append(f'"ack": {_embedded(command.ack_json)}')
    return "{" + ", ".join(parts) + "}"


def send_line(tenant: str, device_ids: list[str], command_type: str, params: str, ttl: timedelta) -> str:
    """The shell line that sends the same; several devices are several lines."""
    rest = [command_type, "--ttl", f"{int(ttl.total_seconds())}s"]
    if params.strip() not in {"", "{}"}:
        rest += ["--params", " ".join(params.split())]
    return "\n".join(shell_line(tenant, "send", device_id, *rest) for device_id in device_ids)


def resend_line(command: Command) -> str:
    """The shell line that sends this command anew."""
    ttl = command.expires_at - command.created_at
    return send_line(command.tenant_id, [command.device_id], command.command_type, command.params_json, ttl)


def shell_line(tenant: str, *words: str) -> str:
    """A line of the program's own command line, quoted for a POSIX shell."""
    return shlex.join([_PROGRAM, "--tenant", tenant, *words])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _embedded(text: str | None) -> str:
    if text is None:
        return "null"
    if json_depth(text) > 200:
        return json.dumps(text)
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return json.dumps(text)
    return text
