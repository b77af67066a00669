"""Commands that fill the fields again: recent ones, and the operator's favourites."""

from datetime import timedelta

from console.domain.ttl import ttl_text, within_range
from console.services.favourites import Saved
from console.tui.state.console_state import ConsoleState


async def recent_commands(state: ConsoleState) -> list[Saved]:
    """Read what was sent lately, with a time to live that can be sent again.

    Raises:
        ConsoleError: the database did not answer.
    """
    recent = await state.program.history.recent_commands(state.tenant)
    return [
        Saved(kind, params, ttl_text(within_range(timedelta(seconds=ttl_s))))
        for kind, params, ttl_s in recent
    ]


def toggle_favourite(state: ConsoleState, command: Saved) -> str:
    """Keep this command, or drop it if it is kept already; return the sentence to show.

    Raises:
        OSError: the file of the favourites cannot be written.
    """
    kept = state.program.favourites.toggle(state.tenant, command)
    return "Kept among the favourites: f7 finds it." if kept else "No favourite any more."
