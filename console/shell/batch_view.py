"""The progress of a bulk send, as the shell prints it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from console.domain.batches import AnswerGroup, Batch, BatchView
from console.domain.command_json import instant
from console.errors import NotFoundError
from console.shell import output

if TYPE_CHECKING:
    from console.runtime.program import Program


async def read_view(program: Program, batch_id: str) -> BatchView:
    """Read its progress now.

    Raises:
        NotFoundError: there is no such bulk send.
    """
    view = await program.bulk.batch(program.tenants[0], batch_id)
    if view is None:
        raise NotFoundError(f"There is no bulk send {batch_id!r} in the tenant {program.tenants[0]!r}.")
    return view


def print_view(view: BatchView, *, as_json: bool, groups: bool) -> None:
    """Print one bulk send: its id on standard output, its counts on standard error, its groups as a table."""
    draft = view.batch.draft
    counts = [f"{count:,} {phase.value}" for phase, count in view.phases.items()]
    if view.committed < draft.wanted:
        counts.append(f"{draft.wanted - view.committed:,} of {draft.wanted:,} without a command")
    if view.batch.stopped_at is not None:
        counts.append(f"stopped by {view.batch.stopped_by}")
    output.say(f"{draft.command_type}: {', '.join(counts)}")
    if as_json:
        output.print_json(
            batch_json(view.batch)
            | {
                "committed": view.committed,
                "got_nothing": draft.wanted - view.committed,
                "phases": {phase.value: count for phase, count in view.phases.items()},
                "groups": [
                    {
                        "phase": group.phase.value,
                        "answer": json.loads(group.answers[0]) if len(group.answers) == 1 else None,
                        "fields": dict(group.fields),
                        "count": group.count,
                        "sample": list(group.sample),
                    }
                    for group in view.groups
                ],
            }
        )
        return
    print(draft.batch_id)
    if groups:
        output.print_table(
            ["DEVICES", "PHASE", "ANSWER", "FOR EXAMPLE"],
            [[g.count, g.phase.value, _answer_text(g), ", ".join(g.sample)] for g in view.groups],
        )


def _answer_text(group: AnswerGroup) -> str:
    return "  ".join(f"{key}={value}" for key, value in group.fields.items()) or "-"


def batch_json(batch: Batch) -> dict[str, object]:
    """Return every field of a bulk send."""
    return {
        "batch_id": batch.batch_id,
        "type": batch.draft.command_type,
        "params": json.loads(batch.draft.params_json),
        "ttl_s": batch.draft.ttl / timedelta(seconds=1),
        "target": batch.draft.target,
        "wanted": batch.draft.wanted,
        "created_at": instant(batch.created_at),
        "created_by": batch.draft.created_by,
        "stopped_at": instant(batch.stopped_at),
        "stopped_by": batch.stopped_by,
        "retry_of": batch.draft.retry_of,
    }
