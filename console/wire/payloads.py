"""The payload of a command: exactly four keys, params as the database's own JSON text."""

import json
from datetime import UTC, datetime

from console.domain.commands import NEVER


def encode_command(command_id: str, command_type: str, params_json: str, expires_at: datetime) -> bytes:
    """Build the bytes that a device gets. `params_json` is sent unchanged, never converted to floats."""
    instant = min(expires_at, NEVER).astimezone(UTC).isoformat()
    return (
        f'{{"command_id":{_text(command_id)},"type":{_text(command_type)},'
        f'"params":{params_json},"expires_at":{_text(instant)}}}'
    ).encode()


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
