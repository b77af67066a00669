"""What ``doctor`` reports, line by line."""

from dataclasses import dataclass

from console.exit_codes import ExitCode


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `level`: ok, note, warning or fault."""

    level: str
    subject: str
    text: str
    exit_code: ExitCode = ExitCode.OK
