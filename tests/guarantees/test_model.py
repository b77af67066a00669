"""The life of commands against a pure model, driven by hypothesis on a real PostgreSQL.

Deadlines lie at odd fives of seconds and time passes in tens (every instant in the database is moved back), so that
the real seconds that a run takes never decide anything.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from console.domain.acks import Acknowledgement, LateAck
from console.domain.commands import Draft
from console.domain.dispatch import Confirmed, Returned
from console.domain.reasons import Outcome
from console.errors import ConflictError, NotFoundError
from console.services.sender import Sender
from console.store.access import Access
from console.store.commands import CommandStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from console.store.sql import with_command_rows
from tests.conftest import Fleet
from tests.platform.behaviour import platform_ack, platform_sweep, write_back
from tests.rows import add_command

T = TypeVar("T")
GIVEN = os.environ.get("CONSOLE_TEST_SEED")
SEED = int(
    GIVEN or random.SystemRandom().randrange(10**6)
)  # of the long run; the short one is always the same
TENANTS = ("acme", "rival")
DEVICES = ("pump-1", "pump-2")
IDS = ("c1", "c2", "c3", "c4")  # the same in both tenants, on purpose
HOLDERS = (UUID(int=1), UUID(int=2))
LEASE_S = 15
PUT_OFF_S = 5  # the claim says one second, which the run itself may take
Key = tuple[str, str]

keys = st.tuples(st.sampled_from(TENANTS), st.sampled_from(IDS))
devices = st.sampled_from(DEVICES)
holders = st.sampled_from(HOLDERS)
places = st.integers(0, 6)
answers = st.tuples(keys, devices, st.sampled_from(("ok", "error", "done", "accepted", "running")))
PROGRESS = frozenset({"accepted", "running"})


@dataclass
class Row:
    """One command as the contract says that it must be; instants are seconds of the model's clock."""

    device: str
    ttl_s: int
    expires_at: int
    made: int
    status: str = "queued"
    published: bool = False
    ack: str | None = None
    cancelled: bool = False
    progress: int = 0
    conflicts: frozenset[str] = frozenset()
    called: str = ""  # by another program, although it is answered: queued or missed
    waits: "Waiting | None" = None

    @property
    def phase(self) -> str:
        if self.status == "queued":
            if not self.published:
                return "waiting"
            return "in progress" if self.progress else "published"
        if self.status == "delivered":
            return "failed" if self.ack == "error" else "ok"
        return "cancelled" if self.cancelled else self.status


@dataclass
class Waiting:
    """Its outbox row."""

    seq: int
    due_at: float = 0
    holder: UUID | None = None
    attempt: int = 0

    def leased(self, now: int) -> bool:
        return self.holder is not None and self.due_at > now


@dataclass
class Model:
    """The rules of the contract, without a database."""

    now: int = 0
    seq: int = 0
    made: int = 0
    rows: dict[Key, Row] = field(default_factory=dict)
    journal: Counter[tuple[Key, str]] = field(default_factory=Counter)

    def send(self, key: Key, device: str, ttl_s: int, *, foreign: bool) -> None:
        if key not in self.rows:
            self.made += 1
            self.rows[key] = Row(device, ttl_s, self.now + ttl_s, self.made)
            if not foreign:
                self.enqueue(key)

    def enqueue(self, key: Key) -> None:
        self.seq += 1
        self.rows[key].waits = Waiting(self.seq, self.now)

    def tidy_up(self) -> None:
        """What is parked, and settled by another program, leaves no row in the outbox; what is answered is so called."""
        for key, row in self.rows.items():
            if row.called == "queued":
                row.called = ""
            if row.waits and row.waits.due_at == float("inf") and (row.called or row.status) != "queued":
                row.waits = None
                if row.status == "expired":
                    self.journal[key, "unsent"] += 1

    def adoptable(self) -> set[Key]:
        return {
            key for key, row in self.rows.items()
            if row.status == "queued" and not row.published and row.expires_at > self.now and row.waits is None
        }  # fmt: skip

    def claim(self, holder: UUID) -> set[Key]:
        due = [
            key
            for key, row in self.rows.items()
            if row.waits and row.waits.due_at <= self.now and self._is_next(key)
        ]
        claimed: set[Key] = set()
        for key in due:
            row = self.rows[key]
            assert row.waits is not None
            if row.status != "queued" or row.published:
                row.waits = None
            elif row.expires_at <= self.now:
                row.waits.due_at, row.waits.holder = float("inf"), None
            elif self._overtakes(key):
                row.waits.due_at, row.waits.holder = self.now + PUT_OFF_S, None
            else:
                row.waits.due_at, row.waits.holder = self.now + LEASE_S, holder
                row.waits.attempt += 1
                claimed.add(key)
        return claimed

    def _is_next(self, key: Key) -> bool:
        """What is answered, settled, published or overdue holds up nobody, and is cleared away at once."""
        mine = self.rows[key]
        assert mine.waits is not None
        return not self._open(mine) or not any(
            other[0] == key[0] and row.device == mine.device and row.waits is not None and self._open(row)
            and row.made < mine.made and row.waits.due_at < float("inf")
            for other, row in self.rows.items()
        )  # fmt: skip

    def _open(self, row: Row) -> bool:
        return row.status == "queued" and not row.published and row.expires_at > self.now

    def _overtakes(self, key: Key) -> bool:
        """Whether another writer has left an earlier command of the device unpublished, and nobody took it over."""
        mine = self.rows[key]
        return any(
            other[0] == key[0] and row.device == mine.device and row.made < mine.made and row.waits is None
            and row.status == "queued" and not row.published and row.expires_at > self.now
            for other, row in self.rows.items()
        )  # fmt: skip

    def held_by(self, holder: UUID) -> set[Key]:
        return {key for key, row in self.rows.items() if row.waits is not None and row.waits.holder == holder}

    def mark(self, holder: UUID) -> set[Key]:
        marked = set()
        for key in self.held_by(holder):
            row = self.rows[key]
            assert row.waits is not None
            if row.waits.attempt > 1:
                self.journal[key, "attempt"] += 1
            row.waits = None
            if row.status in {"queued", "delivered"}:
                row.published = True
                marked.add(key)
        return marked

    def release(self, holder: UUID, delay_s: int) -> None:
        for key in self.held_by(holder):
            waits = self.rows[key].waits
            assert waits is not None
            waits.holder, waits.due_at = None, self.now + delay_s
            if waits.attempt <= 20:
                self.journal[key, "attempt"] += 1

    def cancel(self, key: Key) -> bool:
        row = self.rows.get(key)
        if (
            row is None
            or row.status != "queued"
            or row.published
            or row.waits is None  # another program wrote it, nobody took it over: it may be on its way
            or row.waits.leased(self.now)
        ):
            return False
        if self.journal[key, "attempt"] < min(row.waits.attempt, 20):
            self.journal[key, "attempt"] += 1  # what nobody told of the last attempt is on record now
        row.status, row.waits, row.cancelled = "expired", None, True
        self.journal[key, "cancelled"] += 1
        return True

    def acknowledge(self, key: Key, device: str, ack: str, *, accept_late: bool) -> str:
        row = self.rows.get(key)
        if row is None:
            return "unknown"
        if row.device != device:
            return "forged"
        if ack in PROGRESS:
            return self._progressed(key, row)
        if row.status == "delivered":
            row.called = ""
            if row.ack == ack:
                return "duplicate"
            row.conflicts |= {ack}
            self.journal[key, "conflict"] = len(row.conflicts)
            return "conflict"
        late = row.expires_at < self.now or row.status != "queued"
        if late and not accept_late:
            self.journal[key, "late_ack"] = 1
            return "late recorded"
        row.status, row.ack, row.published = "delivered", ack, True
        return "late" if late else "acked"

    def _progressed(self, key: Key, row: Row) -> str:
        if row.status == "delivered":
            return "progress after the end"
        row.progress += 1
        self.journal[key, "progress"] = min(row.progress, 20)
        if row.status == "queued":
            row.published = True
        return "progress" if row.status == "queued" and row.expires_at >= self.now else "late progress"

    def write_back(self, key: Key) -> None:
        """Another program publishes by itself and writes queued afterwards, whatever has come meanwhile."""
        row = self.rows[key]
        row.published = True
        row.called = "queued" if row.status == "delivered" else ""

    def sweep_of_the_platform(self) -> None:
        """It looks at status and published_at only, and knows nothing of our leases."""
        for row in self.rows.values():
            if row.expires_at > self.now:
                continue
            if row.called == "queued":
                row.called = "missed"
            elif row.status == "queued":
                row.status = "missed" if row.published else "expired"

    def answer_to_the_platform(self, key: Key, ack: str) -> bool:
        """Its handler takes what is called queued, also for the second time, and proves no publication."""
        row = self.rows[key]
        if (row.called or row.status) != "queued":
            return False
        row.status, row.called, row.ack = "delivered", "", ack
        return True

    def sweep(self) -> tuple[int, int]:
        missed = expired = 0
        for key, row in self.rows.items():
            if row.called == "queued" and row.expires_at <= self.now:
                row.called, row.waits = "", None
            if (
                row.status == "queued"
                and row.expires_at <= self.now
                and not (row.waits and row.waits.leased(self.now))
            ):
                if row.waits:
                    self.journal[key, "unsent"] += 1
                row.status, row.waits = ("missed" if row.published else "expired"), None
                missed += row.status == "missed"
                expired += row.status == "expired"
        return missed, expired


class Channel(RuleBasedStateMachine):
    """The stores of the program and the model, side by side."""

    url = ""
    access = Access("")

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.model = Model()
        self.run(self._open())

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(act)

    async def _open(self) -> None:
        self.owner = await asyncpg.connect(self.url)
        await self.owner.execute(
            "TRUNCATE device_commands, device_console.outbox, device_console.journal, device_console.problems"
        )
        self.database = Database(self.access, max_size=2)
        await self.database.open()
        self.commands, self.outbox = CommandStore(self.database), OutboxStore(self.database)
        self.settlement = SettlementStore(self.database)
        self.sender = Sender(self.commands, lambda _tenant: None, 65_536)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.owner.close())
            self.run(self.database.close())
            self.runner.close()

    @rule(key=keys, device=devices, ttl_s=st.sampled_from((5, 25, 55)))
    def send(self, key: Key, device: str, ttl_s: int) -> None:
        draft = Draft(key[1], device, "ping", ttl=timedelta(seconds=ttl_s))
        done = self.run(self.commands.insert(key[0], [draft]))
        assert (key[1] in done.written) == (key not in self.model.rows)
        self.model.send(key, device, ttl_s, foreign=False)

    @rule(key=keys, device=devices, ttl_s=st.sampled_from((5, 25)))
    def another_writer_inserts(self, key: Key, device: str, ttl_s: int) -> None:
        if key not in self.model.rows:
            self.run(add_command(self.owner, key[0], key[1], device, ttl=timedelta(seconds=ttl_s)))
            self.model.send(key, device, ttl_s, foreign=True)

    @precondition(lambda self: self.model.rows)
    @rule(place=places)
    def another_writer_writes_queued_back(self, place: int) -> None:
        key = self._one(place)
        if self.model.rows[key].status in {"queued", "delivered"}:
            self.run(write_back(self.owner, *key))
            self.model.write_back(key)

    @rule()
    def another_program_sweeps(self) -> None:
        self.run(platform_sweep(self.owner))
        self.model.sweep_of_the_platform()

    @precondition(lambda self: self.model.rows)
    @rule(place=places, status=st.sampled_from(("ok", "error", "done")), bridged=st.booleans())
    def a_device_answers_another_program(self, place: int, status: str, bridged: bool) -> None:
        """Over MQTT, where a bridge adds a key, or over HTTP to a command that nobody may have published."""
        key = self._one(place)
        device = self.model.rows[key].device
        done = self.run(
            platform_ack(
                self.owner, key[0], device, key[1], status=status, bridged_at=1.5 if bridged else None
            )
        )
        assert done == self.model.answer_to_the_platform(key, status)

    @rule()
    def adopt(self) -> None:
        expected = self.model.adoptable()
        assert self.run(self.outbox.adopt(0, 100)) == len(expected)
        order = self.run(
            self.owner.fetch("SELECT tenant_id, command_id FROM device_console.outbox ORDER BY seq")
        )
        self.model.tidy_up()
        for key in [(row["tenant_id"], row["command_id"]) for row in order]:
            if key in expected:
                self.model.enqueue(key)
                self.model.journal[key, "adopted"] += 1

    @rule(holder=holders)
    def claim(self, holder: UUID) -> None:
        got = self.run(self.outbox.claim(holder, 100, LEASE_S, 65_536))
        put_off = "UPDATE device_console.outbox SET due_at = now() + $1::interval, blocked_by = NULL WHERE blocked_by = $2"
        self.run(self.owner.execute(put_off, timedelta(seconds=PUT_OFF_S), "other program"))
        assert {(c.tenant_id, c.command_id) for c in got} == self.model.claim(holder)

    @rule(holder=holders)
    def the_broker_confirms(self, holder: UUID) -> None:
        everything = [Confirmed(*key, nobody_listens=False) for key in self.model.rows]
        assert self.run(self.outbox.mark(holder, everything)).published <= len(self.model.held_by(holder))
        self.model.mark(holder)

    @rule(holder=holders, delay_s=st.sampled_from((0, 15)))
    def the_broker_refuses(self, holder: UUID, delay_s: int) -> None:
        everything = [Returned(*key, Outcome.REFUSED, "quota", float(delay_s)) for key in self.model.rows]
        self.run(self.outbox.release(holder, everything))
        self.model.release(holder, delay_s)

    def _one(self, place: int) -> Key:
        """One of the rows that there are: most keys name none."""
        return sorted(self.model.rows)[place % len(self.model.rows)]

    @precondition(lambda self: self.model.rows)
    @rule(place=places)
    def cancel(self, place: int) -> None:
        key = self._one(place)
        assert self.run(self.commands.cancel(*key, "alice", "")) == self.model.cancel(key)

    @rule(key=keys)
    def retry(self, key: Key) -> None:
        old = self.model.rows.get(key)
        try:
            receipt = self.run(self.sender.retry(*key, "alice"))
        except (NotFoundError, ConflictError):
            assert old is None or old.status == "queued"
            return
        assert old is not None
        assert old.status != "queued"
        new = (key[0], receipt.command_ids[0])
        self.model.send(new, old.device, old.ttl_s, foreign=False)
        self.model.journal[new, "retry_of"] += 1

    @rule(batch=st.lists(answers, min_size=1, max_size=6), accept_late=st.booleans())
    def devices_answer(self, batch: list[tuple[Key, str, str]], accept_late: bool) -> None:
        acks = [
            Acknowledgement(
                tenant,
                device,
                command,
                json.dumps({"status": status, "details": None}),
                is_progress=status in PROGRESS,
            )
            for (tenant, command), device, status in batch
        ]
        late_ack = LateAck.ACCEPT if accept_late else LateAck.RECORD_ONLY
        got = self.run(self.settlement.acknowledge(acks, [], late_ack))
        reported: dict[int, str] = {}
        for place, (key, device, status) in sorted(
            enumerate(batch), key=lambda item: item[1][2] not in PROGRESS
        ):
            reported[place] = self.model.acknowledge(key, device, status, accept_late=accept_late)
        assert [outcome.value for outcome in got] == [reported[place] for place in range(len(batch))]

    @rule(limit=st.sampled_from((1, 3, 100)))
    def sweep(self, limit: int) -> None:
        missed = expired = 0
        while True:
            batch = self.run(self.settlement.sweep(BEGINNING, limit))
            missed, expired = missed + batch.missed, expired + batch.expired
            if batch.missed + batch.expired + batch.healed == 0:
                break
        assert (missed, expired) == self.model.sweep()

    @rule(tens=st.sampled_from((1, 2, 4)))
    def time_passes(self, tens: int) -> None:
        """Also what a crash looks like: the lease of a dead holder stays until its time is over."""
        self.run(self._shift(tens * 10))
        self.model.now += tens * 10

    async def _shift(self, seconds: int) -> None:
        by = timedelta(seconds=seconds)
        await self.owner.execute(
            "UPDATE device_commands SET created_at = created_at - $1::interval, expires_at = expires_at - $1::interval,"
            " published_at = published_at - $1::interval, acked_at = acked_at - $1::interval", by,
        )  # fmt: skip
        await self.owner.execute(
            "UPDATE device_console.outbox SET due_at = due_at - $1::interval, created_at = created_at - $1::interval,"
            " leased_until = leased_until - $1::interval",
            by,
        )

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        if not hasattr(self, "runner"):
            return
        rows = self.run(
            self.owner.fetch(
                with_command_rows(
                    "SELECT c.*, v.phase, o.command_id IS NOT NULL AS waits, o.holder FROM device_commands c"
                    " JOIN /*command_rows*/ v USING (tenant_id, command_id)"
                    " LEFT JOIN device_console.outbox o USING (tenant_id, command_id)"
                )
            )
        )
        shown = {
            (r["tenant_id"], r["command_id"]): (
                r["status"], r["phase"], r["published_at"] is not None, r["acked_at"] is not None,
                json.loads(r["ack_details"])["status"] if r["ack_details"] else None, r["waits"], r["holder"],
            )
            for r in rows
        }  # fmt: skip
        assert shown == {
            key: (
                row.called or row.status, row.phase, row.published, row.ack is not None, row.ack,
                row.waits is not None, row.waits.holder if row.waits else None,
            )
            for key, row in self.model.rows.items()
        }  # fmt: skip

    @invariant()
    def the_journal_tells_what_happened(self) -> None:
        if not hasattr(self, "runner"):
            return
        entries = self.run(
            self.owner.fetch(
                "SELECT tenant_id, command_id, kind, count(*) AS n FROM device_console.journal GROUP BY 1, 2, 3"
            )
        )
        found = {((e["tenant_id"], e["command_id"]), e["kind"]): e["n"] for e in entries}
        assert found == dict(self.model.journal)


def drive(access: Access, url: str, examples: int, steps: int, number: int) -> None:
    Channel.access, Channel.url = access, url
    limits = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck), phases=set(settings().phases) - {Phase.explain},
    )  # fmt: skip
    print(f"CONSOLE_TEST_SEED={number}")
    seed(number)(Channel)
    run_state_machine_as_test(Channel, settings=limits)


@pytest.mark.slow
def test_every_history_of_a_command_is_what_the_contract_says(
    access: Access, database_url: str, fleet: Fleet
) -> None:
    """Without the old state in the ACK's WHERE, a second answer rewrites the first; see the table of removals."""
    drive(access, database_url, 80, 30, int(GIVEN or 1))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_long_history_of_a_command_is_what_the_contract_says(
    access: Access, database_url: str, fleet: Fleet
) -> None:
    """Without longer histories, a fault that needs many steps is never seen; else the same as above."""
    drive(access, database_url, 400, 80, SEED)
