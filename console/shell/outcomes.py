"""The exit code for how commands ended: one rule for one command and for many."""

from collections.abc import Mapping

from console.domain.commands import Phase
from console.exit_codes import ExitCode


def exit_code(phases: Mapping[Phase, int], wanted: int) -> ExitCode:
    """Return FAILED if any device did not answer ok, else UNANSWERED if any answer is missing, else OK.

    Args:
        phases: how many commands are in each phase.
        wanted: how many were to be sent.
    """
    if phases.get(Phase.FAILED):
        return ExitCode.FAILED
    return ExitCode.OK if phases.get(Phase.OK, 0) == wanted else ExitCode.UNANSWERED
