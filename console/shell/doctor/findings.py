"""What ``doctor`` reports, line by line."""

from dataclasses import dataclass
from enum import Enum, auto

from console.exit_codes import ExitCode


class Loss(Enum):
    """What a server may lose with its settings, from which the level of all servers together follows."""

    COMMANDS = auto()
    ANSWERS = auto()
    ANSWERS_WHILE_IDLE = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `level`: ok, note, warning or fault; `risk`: what may be lost because of it."""

    level: str
    subject: str
    text: str
    exit_code: ExitCode = ExitCode.OK
    risk: Loss | None = None
