"""Everything that the program asks of a database, once: reads, sends, bulk sends and the three jobs of the workers."""

from datetime import timedelta
from uuid import uuid4

from console.domain.acks import Acknowledgement, LateAck
from console.domain.devices import Sort
from console.domain.dispatch import Confirmed
from console.limits import DEFAULT_TTL
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.figures import FigureStore, FoldStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.retention import RetentionStore
from console.store.schema.checks import StartReport, check_start
from console.store.settlement import BEGINNING, SettlementStore
from tests.filters import of_commands, of_devices

FILTERS = (
    "", "site:ware* model:* fw:* -link:offline", "phase:ok", "type:ping by:alice", "tag:critical", "group:grp-1f6c",
    "age<1h ttl<5m", "pump", "status:delivered answer:ok code:busy batch:x",
)  # fmt: skip


async def walk(access: Access, *, tenant_id: str = "acme", device_id: str = "pump-1") -> StartReport:
    """Fails where anything does; returns what the start checks said."""
    database = Database(access)
    await database.open()
    try:
        report = await check_start(database)
        program = wire_program(database, tenants=(tenant_id,), operator="alice")
        history, sender, bulk = program.history, program.sender, program.bulk
        assert (found := await history.tenant(tenant_id)) is not None
        assert found.tenant_id == tenant_id
        drafts = [sender.draft(device_id, "ping", created_by="alice") for _ in range(2)]
        sent, waiting = (await sender.send(tenant_id, drafts)).command_ids
        job = bulk.job("ping", "{}", DEFAULT_TTL, "alice", device_ids=[device_id], target="a test")
        await bulk.begin(tenant_id, job)
        await bulk.run(tenant_id, job)
        if report.may_work:
            await _work(database, tenant_id, device_id, sent)
        await sender.cancel(tenant_id, waiting, "alice")
        await bulk.stop(tenant_id, job.draft.batch_id, "alice")
        detail = await history.command(tenant_id, sent)
        assert detail is not None
        assert detail.command.phase == ("ok" if report.may_work else "waiting")
        assert [t.registered for t in await sender.targets(tenant_id, [device_id])] == [True]
        for text in FILTERS:
            await history.commands(tenant_id, wanted=of_commands(text))
            await history.device_index(tenant_id, of_devices(text))
        page = await history.commands(tenant_id, device_ids=[device_id])
        assert {sent, waiting} <= {command.command_id for command in page.commands}
        await history.reread(tenant_id, [sent])
        assert device_id in await history.device_head(tenant_id)
        await history.changed_device_index(tenant_id, of_devices(""), Sort(), None)
        assert (await history.devices(tenant_id, [device_id]))[device_id].device_id == device_id
        assert (await history.device_counts(tenant_id)).total > 0
        for read in (history.recent_types, history.recent_commands, history.known_values, history.outbox):
            await read(tenant_id)
        await history.problems(tenant_id)
        await bulk.batches(tenant_id)
        assert await bulk.batch(tenant_id, job.draft.batch_id) is not None
        await bulk.preview(tenant_id, [device_id], "ping")
        await program.catalogues.of_devices(tenant_id, [device_id, "gw-1"])
        return report
    finally:
        await database.close()


async def _work(database: Database, tenant_id: str, device_id: str, command_id: str) -> None:
    """Claim, mark, adopt, answer and sweep, as the workers do."""
    outbox, settlement = OutboxStore(database), SettlementStore(database)
    holder = uuid4()
    claimed = await outbox.claim(holder, 10, 10, 65_536)
    assert command_id in {command.command_id for command in claimed}
    confirmed = [Confirmed(tenant_id, command.command_id, nobody_listens=False) for command in claimed]
    await outbox.mark(holder, [one for one in confirmed if one.command_id == command_id])
    await outbox.release(holder, [])
    await outbox.adopt(30, 10)
    await outbox.next_due()
    ack = Acknowledgement(tenant_id, device_id, command_id, '{"status":"ok","details":null}')
    (outcome,) = await settlement.acknowledge([ack], [], LateAck.ACCEPT)
    assert outcome.value == "acked"
    await settlement.sweep(BEGINNING, 10)
    folds = FoldStore(database)
    assert (await folds.fold(100)).commands
    assert await folds.trim(timedelta(days=8), timedelta(days=400), 10, 10) == 0
    assert (await FigureStore(database).headline(tenant_id)).freshness.folded_at is not None
    await settlement.trim_ended(10, 60.0)
    assert (await RetentionStore(database).prune(0, 64)).pruned == 0
