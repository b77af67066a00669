"""Sending without a screen: ids are made once while an outcome is unknown, and only then kept."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from console.domain.commands import Draft
from console.errors import ConsoleError, DatabaseUnreachableError, InvalidInputError
from console.services.batch_send import BatchRun, BatchSend, BatchTable
from console.services.sender import CommandWrites, Sender, SendReceipt
from console.tui.screens.compose.sending import SendFlow
from console.tui.state.console_state import UnsentCommand

HOUR = timedelta(hours=1)


class FakeSender(Sender):
    """Fails as told, one failure a send; None is a commit."""

    def __init__(self, *failures: ConsoleError | None) -> None:
        super().__init__(cast("CommandWrites", None), lambda _: None, 1_000)
        self.failures = list(failures)
        self.sent: list[tuple[str, ...]] = []

    async def send(self, tenant_id: str, drafts: Sequence[Draft]) -> SendReceipt:
        assert tenant_id == "acme"
        ids = tuple(draft.command_id for draft in drafts)
        self.sent.append(ids)
        failure = self.failures.pop(0)
        if failure is not None:
            raise failure
        return SendReceipt(ids)


class FakeBatches(BatchSend):
    """Fails as told, one failure a batch; None is a commit."""

    def __init__(self, *failures: ConsoleError | None) -> None:
        super().__init__(cast("BatchTable", None), lambda _: None, 1_000)
        self.failures = list(failures)
        self.begun: list[str] = []

    async def begin(self, tenant_id: str, job: BatchRun) -> None:
        assert tenant_id == "acme"
        self.begun.append(job.draft.batch_id)
        failure = self.failures.pop(0)
        if failure is not None:
            raise failure


def _flow(
    unsent: UnsentCommand, *failures: ConsoleError | None, devices: tuple[str, ...] = ("pump-1",)
) -> tuple[SendFlow, list[str]]:
    events: list[str] = []
    flow = SendFlow(
        sender=FakeSender(*failures), batches=FakeBatches(*failures), tenant="acme", operator="alice",
        device_ids=devices, target="them", unsent=unsent,
        on_begun=lambda tenant, _: events.append(f"begun in {tenant}"), on_sent=lambda: events.append("sent"),
    )  # fmt: skip
    return flow, events


async def test_the_same_command_keeps_its_id_while_its_outcome_is_unknown() -> None:
    """Without it, trying again sends a second command."""
    unsent = UnsentCommand("ping")
    flow, events = _flow(unsent, DatabaseUnreachableError("gone"), None)
    with pytest.raises(DatabaseUnreachableError):
        await flow.prepare(HOUR)("")
    assert unsent.unknown_outcome == (("pump-1",), unsent.content)
    assert events == []
    await flow.prepare(HOUR)("")
    first, second = cast("FakeSender", flow.sender).sent
    assert first == second
    assert flow.receipt == SendReceipt(second)
    assert unsent.unknown_outcome is None
    assert events == ["sent"]


async def test_another_content_gets_another_id() -> None:
    unsent = UnsentCommand("ping")
    flow, _ = _flow(unsent, DatabaseUnreachableError("gone"), None)
    with pytest.raises(DatabaseUnreachableError):
        await flow.prepare(HOUR)("")
    unsent.params = '{"n": 1}'
    await flow.prepare(HOUR)("")
    first, second = cast("FakeSender", flow.sender).sent
    assert first != second


async def test_a_refusal_is_no_unknown_outcome() -> None:
    unsent = UnsentCommand("ping")
    flow, events = _flow(unsent, InvalidInputError("no"))
    with pytest.raises(InvalidInputError):
        await flow.prepare(HOUR)("")
    assert unsent.unknown_outcome is None
    assert flow.receipt is None
    assert events == []


async def test_a_batch_keeps_its_id_while_its_outcome_is_unknown_and_runs_once_it_is_recorded() -> None:
    unsent = UnsentCommand("ping")
    flow, events = _flow(unsent, DatabaseUnreachableError("gone"), None, devices=("pump-1", "pump-2"))
    with pytest.raises(DatabaseUnreachableError):
        await flow.prepare(HOUR)("")
    assert events == []
    assert await flow.prepare(HOUR)("") == "Sending to 2 devices."
    first, second = cast("FakeBatches", flow.batches).begun
    assert first == second
    assert flow.receipt is not None
    assert flow.receipt.batch_id == second
    assert events == ["begun in acme", "sent"]  # whichever tenant is on the screen by now
