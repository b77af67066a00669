"""Text to copy: the shell line that does the same."""

import shlex
from collections.abc import Sequence
from datetime import timedelta

from console.domain.commands import Command
from console.domain.filters.language import MOST_LENGTH, Filter, Match, Scope, parse_filter
from console.domain.text.json import one_line

_PROGRAM = "device-console"


def send_line(
    tenant: str, device_ids: Sequence[str], command_type: str, params: str, ttl: timedelta, where: str = ""
) -> str | None:
    """Write the shell line that sends the same; None where no line can name so many.

    `where` is the filter that finds them: the one they were chosen by, or a naming one.
    """
    rest = [command_type, "--ttl", f"{int(ttl.total_seconds())}s"]
    if params.strip() not in {"", "{}"}:
        rest += ["--params", one_line(params)]
    if len(device_ids) == 1:
        return shell_line(tenant, "send", device_ids[0], *rest)
    return shell_line(tenant, "send", "--where", where, *rest, "--yes") if where else None


def naming_filter(device_ids: Sequence[str]) -> str:
    """Write a filter that finds just these; empty where it is too long or an id holds a wildcard."""
    if len(device_ids) > MOST_LENGTH // 2:
        return ""
    quoted = (f'"{device}"' if set(device) & set(" ,") else device for device in device_ids)
    text = f"device:{','.join(quoted)}"
    found = parse_filter(text, Scope.DEVICES)
    return text if _is_exact(found) and _named(found) == tuple(device_ids) else ""


def _named(found: Filter) -> tuple[str, ...]:
    return tuple(value for term in found.terms if isinstance(term, Match) for value in term.values)


def _is_exact(found: Filter) -> bool:
    return not found.faults and all(isinstance(term, Match) and term.exact for term in found.terms)


def resend_line(command: Command) -> str:
    """Write the shell line that sends this command again."""
    ttl = command.expires_at - command.created_at
    line = send_line(command.tenant_id, [command.device_id], command.command_type, command.params_json, ttl)
    return line or ""


def shell_line(tenant: str, *words: str) -> str:
    """Write a command line of this program, quoted for a POSIX shell."""
    return shlex.join([_PROGRAM, "--tenant", tenant, *words])
