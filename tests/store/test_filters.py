"""A filter says the same as SQL and as its Python counterpart: compared on rows of every kind, under row-level security."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.domain.filters.language import KEYS, SPANS, Scope, Subject, matches, parse_filter
from console.domain.filters.subjects import command_subject, device_subject
from console.runtime.program import Program
from console.services.exporter import FORMATS, Format, exported
from console.store.access import Access
from console.store.commands import CommandStore
from console.store.devices import DeviceStore
from console.store.filter_columns import joins
from console.store.filter_sql import conditions
from console.store.pool import Database
from console.store.seen_sql import seen
from console.store.shape import Shape, read_shaped
from console.store.sql import with_command_rows
from tests.conftest import Fleet
from tests.filters import of_commands

VALUES = ["ping", "reboot", "PING", "p*", "*o*", "?ing", "lyon", "Ly*", "pump-1", "pump-?", "Pump-1", "alice", "a%",
          "a_b", "ok", "busy", "ok*", "waiting", "missed,ok", "busy*", "ex*", "online", "queued", "critical", "*", "roof*",
          "north", "Ünder", "ünder", "1.4.2", '"x y"', "7", "x", "\\", '"*"', '"p"*', '"?ing"', 'a"\\"?', "in_progress", "in*",
          "suspended", "a*", "Feed*", "valve-1", "GT*", "PX-200", "FW9", "west side", "odd", "*e*"]  # fmt: skip
WORDS = [
    "ping",
    "PUMP",
    "lyon",
    "o",
    "alice busy",
    "-ok",
    "%",
    "_",
    "ü",
    "Ü",
    "\\",
    "missed",
    "roof",
    '"x y"',
    "critical",
]
SPAN_WORDS = ["0s", "59m", "1h", "2h", "5d", "90m"]


@st.composite
def filters(draw: st.DrawFn, scope: Scope) -> str:
    def term() -> str:
        minus = draw(st.sampled_from(["", "", "-"]))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            return minus + draw(st.sampled_from(WORDS)).lstrip("-")
        if kind == 1:
            key, operator = draw(st.sampled_from(SPANS[scope])), draw(st.sampled_from(["<", "<=", ">", ">="]))
            return f"{minus}{key}{operator}{draw(st.sampled_from(SPAN_WORDS))}"
        return f"{minus}{draw(st.sampled_from(KEYS[scope]))}:{draw(st.sampled_from(VALUES))}"

    return " ".join(term() for _ in range(draw(st.integers(1, 3))))


async def _fill(owner: asyncpg.Connection) -> None:
    await owner.execute("""
        UPDATE device_registry SET site_id = 'Ünder', model = NULL WHERE device_id = 'pump-2';
        UPDATE device_registry SET site_id = 'a%b', fw_version = 'a_b', status = 'SUSPENDED' WHERE device_id = 'pump-3';
        INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at) VALUES
            ('acme', 'pump-1', 'lyon', 'ONLINE', now() - interval '1 hour'), ('acme', 'pump-2', 'x', 'STALE', NULL),
            ('acme', 'pump-3', 'x', 'OFFLINE', now() - interval '3 days');
        INSERT INTO device_tags VALUES ('acme', 'pump-1', 'Critical'), ('acme', 'pump-1', 'x y'), ('acme', 'pump-2', 'roof');
        INSERT INTO device_groups VALUES ('acme', 'north', 'Northern ring'), ('acme', 'g2', 'Roof works');
        INSERT INTO device_group_members VALUES ('acme', 'north', 'pump-1'), ('acme', 'g2', 'pump-3');
        INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_by, created_at,
                                     expires_at, published_at, acked_at, ack_details)
        SELECT 'acme', 'c' || n, 'pump-' || 1 + n % 4, (ARRAY['ping', 'Reboot', 'a_b', 'x y', 'a\\b'])[1 + n % 5],
               (ARRAY['queued', 'delivered', 'missed', 'expired'])[1 + n % 4], (ARRAY['alice', NULL, 'Bob'])[1 + n % 3],
               now() - n * interval '31 minutes', CASE WHEN n = 12 THEN 'infinity' ELSE now() + (n - 20) * interval '17 minutes' END,
               CASE WHEN n % 3 > 0 THEN now() END, CASE WHEN n % 4 = 1 OR n IN (8, 24, 6) THEN now() END,
               CASE WHEN n % 4 = 1 OR n IN (8, 24, 6) THEN (ARRAY['{"status": "ok"}', '{"status": "Busy"}', '{}'])[1 + n % 3]::jsonb END
        FROM generate_series(1, 40) n;
        INSERT INTO device_console.journal (tenant_id, command_id, kind) VALUES ('acme', 'c3', 'cancelled'), ('acme', 'c7', 'cancelled'),
            ('acme', 'c4', 'progress'), ('acme', 'c20', 'progress'), ('acme', 'c8', 'progress');
        INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)
        VALUES ('acme', 'north', 'ping', '{}', 60, 'all', 2);
        INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, created_by,
                                            created_at, stopped_at, stopped_by, retry_of)
        SELECT 'acme', 'c' || n, (ARRAY['ping', 'Reboot', 'a_b'])[1 + n % 3], '{}', 60, (ARRAY['north', 'Ünder busy'])[1 + n % 2],
               2, (ARRAY['alice', NULL, 'Bob'])[1 + n % 3], now() - n * interval '31 minutes',
               CASE WHEN n % 4 = 0 THEN now() END, CASE WHEN n % 4 = 0 THEN 'alice' END, CASE WHEN n % 5 = 0 THEN 'north' END
        FROM generate_series(1, 12) n;
        INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at)
        SELECT 'acme', (ARRAY['forged ack', 'late ack', 'link'])[1 + n % 3], (ARRAY['pump-1', 'Pump-1', ''])[1 + n % 3],
               'c' || n, n || (ARRAY[' ping', ' PING busy', ' Ünder', ''])[1 + n % 4], now() - n * interval '31 minutes'
        FROM generate_series(1, 12) n;
        INSERT INTO device_console.batch_members VALUES ('acme', 'north', 'c1'), ('acme', 'north', 'c2');
    """)


async def shape_of(database: Database) -> Shape:
    async def same(_: object, shape: Shape) -> Shape:
        return shape

    return await read_shaped(database, "acme", same)


_PLATFORMS = """
    CREATE TABLE device_templates (id int PRIMARY KEY, name text, slug text, model text, manufacturer text, category text);
    CREATE TABLE dynamic_device_groups (tenant_id text, group_id text, name text, query_filter jsonb);
    ALTER TABLE device_registry ADD COLUMN parent_device_id text;
    GRANT SELECT ON device_templates, dynamic_device_groups TO pulse_app;
    INSERT INTO device_templates VALUES (1, 'Feed pump', 'feed-pump', 'GT-1', 'Pulse', 'controller');
    UPDATE device_registry SET template_id = 1 WHERE device_id IN ('pump-2', 'pump-3');
    UPDATE device_registry SET parent_device_id = 'valve-1', metadata = '{"name": "Feed A", "model": "M1"}'
    WHERE device_id = 'pump-1';
    UPDATE device_registry SET model = '', fw_version = NULL, metadata = '{"label": "a_b", "model": "M1", "firmware": "FW9"}',
           parent_device_id = 'Valve-1' WHERE device_id = 'pump-4';
    UPDATE device_registry SET decommissioned_at = now() - interval '1 day' WHERE device_id = 'pump-5';
    UPDATE device_registry SET decommissioned_at = now() + interval '1 day' WHERE device_id = 'pump-4';
    INSERT INTO dynamic_device_groups VALUES
        ('acme', 'west', 'West side', '{"site_id": "a%b"}'), ('acme', 'held', 'Held back', '{"status": "suspended"}'),
        ('acme', 'busy', 'Online and marked', '{"status": "ONLINE", "tags": ["Critical", "x y"]}'),
        ('acme', 'px', 'In service', '{"status": "ACTIVE", "tags": []}'), ('acme', 'odd', 'Odd', '{"colour": "red"}'),
        ('acme', 'all', 'Wrong', '["status"]'), ('acme', 'tagless', 'None', '{"tags": ["Critical", "roof"]}');
"""


@pytest.fixture
async def filled(owner: asyncpg.Connection, fleet: Fleet) -> None:
    assert fleet.acme == "acme"
    await _fill(owner)
    await owner.execute(_PLATFORMS)


@pytest.mark.slow
@pytest.mark.parametrize("scope", list(Scope))
async def test_sql_and_predicate_agree_on_every_row(
    access: Access, owner: asyncpg.Connection, filled: None, scope: Scope
) -> None:
    """Without the same folding on both sides, a pattern in capitals or an underscore finds other rows."""
    del filled
    database = Database(access)
    await database.open()
    groups = {
        "pump-1": ("north", "Northern ring", "busy", "Online and marked"),
        "pump-2": ("px", "In service"),
        "pump-3": ("g2", "Roof works", "west", "West side", "held", "Held back"),
    }
    groups = {f"pump-{n}": groups.get(f"pump-{n}", ()) for n in range(1, 6)}
    for name in ("pump-1", "pump-4", "pump-5"):
        groups[name] += ("px", "In service")
    devices = {
        d.device_id: d for d in await DeviceStore(database).page("acme", [f"pump-{n}" for n in range(1, 6)])
    }
    now = datetime.now(UTC)
    shape = await shape_of(database)
    if scope is Scope.COMMANDS:
        commands = (await CommandStore(database).by_ids("acme", [f"c{n}" for n in range(1, 41)])).commands
        subjects = {
            c.command_id: command_subject(c, devices.get(c.device_id), groups.get(c.device_id, ()))
            for c in commands
        }
        for name in ("c1", "c2"):
            subject = subjects[name]
            subjects[name] = replace(subject, many={**subject.many, "batch": frozenset({"north"})})
        rows = with_command_rows("SELECT v.command_id AS id FROM /*command_rows*/ v WHERE v.tenant_id = $1")
    elif scope is Scope.PROBLEMS:
        subjects = {
            p["detail"]: Subject(
                {"device": p["device_id"], "kind": p["kind"], "id": p["command_id"]}, {}, {"age": p["last_at"]},
                " ".join((p["kind"], p["device_id"], p["command_id"], p["detail"])),
            )
            for p in await owner.fetch("SELECT * FROM device_console.problems")
        }  # fmt: skip
        rows = "SELECT p.detail AS id FROM device_console.problems p WHERE p.tenant_id = $1"
    elif scope is Scope.BATCHES:
        subjects = {
            b["batch_id"]: Subject(
                {"type": b["command_type"], "by": b["created_by"] or "", "id": b["batch_id"]}, {}, {"age": b["created_at"]},
                " ".join(
                    b[name]
                    for name in ("command_type", "target", "created_by", "stopped_by", "retry_of", "batch_id")
                    if b[name] is not None
                ),
            )
            for b in await owner.fetch("SELECT * FROM device_console.batches")
        }  # fmt: skip
        rows = "SELECT b.batch_id AS id FROM device_console.batches b WHERE b.tenant_id = $1"
    else:
        subjects = {d.device_id: device_subject(d, groups.get(d.device_id, ())) for d in devices.values()}
        rows = (
            "SELECT r.device_id AS id FROM device_registry r LEFT JOIN device_state s"
            " ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id{joins} WHERE r.tenant_id = $1"
        )
    found_any = set()
    loop_filters = filters(scope)

    async def compare(text: str) -> None:
        wanted = parse_filter(text, scope)
        terms = conditions(wanted, 1, now, shape=shape, seen=seen(shape))
        async with database.tenant_session("acme") as connection:
            sql = rows.replace("{joins}", joins(wanted, shape)) + terms.sql
            found = {r["id"] for r in await connection.fetch(sql, "acme", *terms.parameters)}
        assert found == {name for name, subject in subjects.items() if matches(wanted, subject, now)}, text
        found_any.update(found)

    texts: list[str] = []

    @settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(loop_filters)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    for text in dict.fromkeys(texts):
        await compare(text)
    assert found_any == set(subjects)
    await database.close()


async def test_a_search_rests_says_how_far_it_came_and_goes_on(
    program: Program, filled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a rest a word that is nowhere reads ten million rows before the screen answers."""
    del filled
    monkeypatch.setattr("console.store.commands.SEARCHED", 7)
    found: list[str] = []
    before, pages, rests = None, 0, 0
    while True:
        page = await program.history.commands("acme", wanted=of_commands("type:ping"), before=before, limit=3)
        found += [command.command_id for command in page.commands]
        pages, rests, before = pages + 1, rests + (page.reached is not None), page.end
        if not page.more:
            break
    every = await program.history.commands("acme", limit=100)
    assert found == [c.command_id for c in every.commands if c.command_type == "ping"]
    assert (pages, rests) == (6, 5)


async def test_without_an_index_by_age_one_statement_searches_all(
    program: Program, owner: asyncpg.Connection, filled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform's table has none: each rest would cost two more looks at all of its rows."""
    del filled
    await owner.execute("DROP INDEX device_console_newest")
    monkeypatch.setattr("console.store.commands.SEARCHED", 7)
    page = await program.history.commands("acme", wanted=of_commands("type:ping"), limit=100)
    every = await program.history.commands("acme", limit=100)
    assert [c.command_id for c in page.commands] == [
        c.command_id for c in every.commands if c.command_type == "ping"
    ]
    assert (page.more, page.reached) == (False, None)
    of_device = await program.history.commands(
        "acme", device_ids=["pump-1"], wanted=of_commands("type:nothing"), limit=100
    )
    assert of_device.reached is not None


@pytest.mark.parametrize("form", FORMATS)
async def test_an_export_holds_every_match_once_and_can_be_read_back(
    program: Program, owner: asyncpg.Connection, filled: None, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    del filled
    monkeypatch.setattr("console.services.exporter._PAGE", 3)
    await owner.execute(
        'UPDATE device_commands SET created_by = \'=cmd|x\', command_params = \'{"a": "line\\nbreak, \\"q\\" é😀", "n": 1.10}\''
    )
    pieces = [p async for p in exported(program.history, "acme", form, wanted=of_commands("-status:queued"))]
    text = "".join(piece for piece, _ in pieces)
    rows: list[dict[str, object]]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["created_by"] for row in rows} == {"'=cmd|x"}
    else:
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
        assert {row["created_by"] for row in rows} == {"=cmd|x"}
    assert sum(count for _, count in pieces) == len(rows) == 30
    assert len({row["command_id"] for row in rows}) == 30
    wanted = {"a": 'line\nbreak, "q" é😀', "n": 1.1}
    if form == "csv":
        assert all(json.loads(str(row["params"])) == wanted for row in rows)
    else:  # documents are documents, their numbers as they are written, and nothing beyond ASCII
        assert all(row["params"] == wanted for row in rows)
        assert text.count('"n": 1.10') == 30
        assert text.isascii()


async def test_an_empty_export_is_still_a_whole_file(program: Program, filled: None) -> None:
    del filled
    texts = {
        form: "".join(
            [p async for p, _ in exported(program.history, "acme", form, wanted=of_commands("type:nothing"))]
        )
        for form in FORMATS
    }
    assert json.loads(texts["json"]) == []
    assert texts["jsonl"] == ""
    assert texts["csv"].startswith("command_id,")
