"""All shell commands, in the order in which help lists them; each is loaded when it is asked for.

The command NAME is the module ``console.shell.NAME``, with ``_`` for a dash. Its summary stands here, because
the list of all commands must not load any of them.

Decided in docs/decisions/0059-a-command-is-loaded-when-it-is-named.md
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from console.limits import MAX_INGEST_SLOTS as _SLOTS

if TYPE_CHECKING:
    from console.shell.verb import Verb

SUMMARIES: Mapping[str, str] = {
    "overview": "Show the last hour at a glance: what ended how, and what has it in common.",
    "devices": "List devices.",
    "history": "List commands, newest first.",
    "types": "List the commands that a device's model takes.",
    "export": "Export the complete history as CSV, JSON or JSON lines.",
    "batches": "List bulk sends, newest first.",
    "batch": "Show the progress of a bulk send, its answers grouped.",
    "show": "Show one command in full.",
    "problems": "List problems, such as answers that match no command.",
    "stats": "Show how commands ended, by type, site, model, firmware, sender or reason.",
    "favourites": "List your favourite or recently sent commands; add or remove a favourite.",
    "tail": "Follow commands as they change.",
    "send": "Send a command to one device, or to all that a filter finds.",
    "cancel": "Cancel a command that is not published yet, or stop a bulk send.",
    "retry": "Send an ended command again, or what failed of a bulk send.",
    "resume": "Send the rest of a bulk send that was interrupted; nothing is sent twice.",
    "health": "Ask whether the workers of this machine do their work.",
    "doctor": "Check the set-up and show what it guarantees.",
    "config": "Show the configuration.",
    "migrate": "Create or update the console's schema in the configured database.",
    "ingest-slots": f"Show or set how many processes may share the acknowledgements (1 to {_SLOTS}).",
    "retention": "Show or set for how long ended commands are kept, such as 400d, or off.",
    "simulate": "Run a simulated fleet over MQTT.",
    "demo": "Manage the demo servers' data.",
}


class _Verbs(Mapping[str, "Verb"]):
    """The commands by name; reading one loads its module."""

    def __getitem__(self, name: str) -> "Verb":
        if name not in SUMMARIES:
            raise KeyError(name)
        verb: Verb = import_module(f"console.shell.{name.replace('-', '_')}").VERB
        return verb

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)


VERBS: Mapping[str, "Verb"] = _Verbs()
