"""Why a command is in its phase, in the few words of a column."""

from console.domain.acks import answer_code, answer_details
from console.domain.commands import Command, Phase
from console.domain.text.durations import age
from console.domain.text.json import pairs_of
from console.domain.text.safe import safe

_MOST = 60


def short_reason(command: Command) -> str:
    """Return the answer's code or content, or what the command waited for; empty when nothing is known.

    What its row does not tell, for example whether the device was seen meanwhile, only Explain can say.
    """
    match command.phase:
        case Phase.OK:
            return safe(pairs_of(answer_details(command.ack_json)), _MOST)
        case Phase.FAILED:
            return safe(answer_code(command.ack_json) or pairs_of(answer_details(command.ack_json)), _MOST)
        case Phase.MISSED if command.progress:
            return safe(f"began: {command.progress}", _MOST)
        case Phase.MISSED if command.published_at is not None and not command.never_expires:
            return f"silent for {age(command.expires_at - command.published_at)}"
        case Phase.IN_PROGRESS:
            return safe(command.progress, _MOST)
        case Phase.CANCELLED:
            return f"by {safe(command.cancelled_by, 30)}" if command.cancelled_by else ""
        case Phase.WAITING | Phase.EXPIRED:
            return safe(command.last_error, _MOST)
        case _:
            return ""
