"""What an operator takes away: a command as JSON, and the shell line that does the same."""

import json
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

from console.domain.commands import Command
from console.domain.filters import MOST_LENGTH, Filter, Match, Scope, parse_filter
from console.domain.json_text import json_depth, one_line

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


def send_line(
    tenant: str, device_ids: Sequence[str], command_type: str, params: str, ttl: timedelta, where: str = ""
) -> str | None:
    """The shell line that sends the same; None where no line can name so many.

    `where` is the filter that finds them: the one they were chosen by, or a naming one.
    """
    rest = [command_type, "--ttl", f"{int(ttl.total_seconds())}s"]
    if params.strip() not in {"", "{}"}:
        rest += ["--params", one_line(params)]
    if len(device_ids) == 1:
        return shell_line(tenant, "send", device_ids[0], *rest)
    return shell_line(tenant, "send", "--where", where, *rest, "--yes") if where else None


def naming_filter(device_ids: Sequence[str]) -> str:
    """A filter that finds these and no others; empty where there is none: too long, or an id looks wild."""
    if len(device_ids) > MOST_LENGTH // 2:
        return ""
    quoted = (f'"{device}"' if set(device) & set(" ,") else device for device in device_ids)
    text = f"device:{','.join(quoted)}"
    found = parse_filter(text, Scope.DEVICES)
    return text if found.terms == (Match("device", tuple(device_ids)),) and _is_exact(found) else ""


def _is_exact(found: Filter) -> bool:
    return not found.faults and all(isinstance(term, Match) and term.exact for term in found.terms)


def resend_line(command: Command) -> str:
    """The shell line that sends this command anew."""
    ttl = command.expires_at - command.created_at
    line = send_line(command.tenant_id, [command.device_id], command.command_type, command.params_json, ttl)
    return line or ""


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
