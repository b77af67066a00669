"""What ``doctor`` reports, line by line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `level`: ok, note, warning or fault."""

    level: str
    subject: str
    text: str
    exit_code: int = 0
