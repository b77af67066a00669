"""What a command's row, detail and explanation say."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.domain.batches import Batch, BatchDraft, BatchView
from console.domain.commands import NEVER, Command, Phase
from console.domain.explain import cancel_reason, explain, retry_reason, unknown_outcome
from console.domain.history import CommandDetail, JournalEntry, TypicalLatency
from console.domain.phases import PHASE_SYMBOLS
from console.domain.reasons import BlockedBy, Outcome, Reason, known
from console.domain.text.ascii import to_ascii
from console.domain.text.json import pairs_of
from console.tables.commands import columns_for, command_cells
from console.tables.tones import PHASE_TONES
from console.tui.presenters.batches import progress_lines
from console.tui.presenters.commands import history_line
from console.tui.presenters.copies import naming_filter, resend_line, send_line
from console.tui.presenters.detail import FOLDED, content_lines, folds, head_lines, retry_link
from console.tui.presenters.json_view import keyed, pretty
from console.tui.presenters.timeline import deadline_line, steps, timeline_lines

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
BATCH = Batch(BatchDraft("5b0c9a52", "ping", "{}", timedelta(hours=1), "all", len(Phase)), NOW)


def command(**changes):
    values = {
        "tenant_id": "acme",
        "command_id": "c-1",
        "device_id": "pump-1",
        "command_type": "ping",
        "status": "queued",
        "created_at": NOW - timedelta(seconds=12),
        "expires_at": NOW + timedelta(minutes=59, seconds=48),
        "created_by": "alice",
    }
    return Command(**{**values, **changes})


def detail(*journal, **changes):
    return CommandDetail(command(**changes), tuple(JournalEntry(NOW, *entry) for entry in journal), NOW)


def test_a_row_says_age_phase_and_what_is_left_of_the_ttl():
    cells = command_cells(command(published_at=NOW), NOW)
    assert cells["age"].text == "10s"
    assert cells["phase"].text == "◔ published"
    assert cells["left"].text == "59m"


def test_a_command_without_a_deadline_never_expires_and_an_overdue_one_says_so():
    assert command_cells(command(expires_at=NEVER), NOW)["left"].text == "never"
    assert command_cells(command(expires_at=NOW), NOW)["left"].text == "overdue"


def test_an_answer_that_nobody_read_in_time_says_so():
    late = detail(status="delivered", acked_at=NOW + timedelta(hours=2), ack_status="ok")
    assert "no live worker" not in explain(late)
    message = explain(replace(late, unread=timedelta(seconds=14)))
    assert "late, after the deadline; no worker was reading answers for 14s" in message


def test_a_late_answer_is_flagged_in_words():
    late = command(status="delivered", acked_at=NOW + timedelta(hours=2), ack_status="ok")
    assert command_cells(late, NOW)["phase"].text == "● ok (late)"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": "delivered", "ack_status": "ok"}, "delivered without the instant of the answer"),
        ({"status": "missed"}, "missed without a publication"),
        ({"status": "expired", "published_at": NOW}, "expired although it was published"),
        ({"status": "missed", "acked_at": NOW, "published_at": NOW}, "answered, yet missed"),
        ({"published_at": NOW - timedelta(minutes=1)}, "published before it was created"),
        ({"created_at": NOW + timedelta(days=9)}, "created in the future"),
        (
            {"status": "delivered", "published_at": NOW + timedelta(minutes=1), "acked_at": NOW},
            "answered before it was published",
        ),
    ],
)
def test_a_row_that_contradicts_itself_is_flagged_and_explained(changes, says):
    """Without the look at them, a row that some program has spoilt is told as if it were fine."""
    assert says in explain(detail(**changes))
    if "future" not in says:
        assert command_cells(command(**changes), NOW)["phase"].text.endswith("‼")


def test_a_row_that_is_a_second_apart_by_the_clocks_of_two_writers_is_fine():
    assert command(published_at=NOW - timedelta(seconds=13)).inconsistencies == ()


@pytest.mark.parametrize(
    ("usual", "says"),
    [
        (None, "has not answered yet."),
        (TypicalLatency(20, timedelta(seconds=30)), "It usually answers this within 30.0s."),
        (
            TypicalLatency(20, timedelta(seconds=0.4)),
            "It usually answers this within 0.40s, so this is unusual.",
        ),
        (TypicalLatency(2, timedelta(seconds=0.4)), "It usually answers this within 0.40s."),
    ],
)
def test_what_is_waited_for_is_measured_by_what_the_device_usually_takes(usual, says):
    waiting = replace(detail(published_at=NOW - timedelta(seconds=12)), usual=usual, device_seen_at=NOW)
    assert explain(waiting).endswith(says)


@pytest.mark.parametrize(
    ("seen", "status", "says"),
    [
        (None, "queued", "It was never seen."),
        (NOW - timedelta(hours=3), "queued", "It was last seen 3h ago, before the publication."),
        (NOW, "queued", "has not answered yet."),
        (None, "missed", "; it was never seen."),
        (NOW - timedelta(hours=3), "missed", "it was last seen 2h before the publication."),
        (NOW - timedelta(seconds=20), "missed", "so it did not get the command or did not answer."),
        (NOW, "missed", "it was seen after the deadline, so it was offline or busy until then."),
    ],
)
def test_where_the_device_was_is_the_evidence(seen, status, says):
    changes = {
        "status": status,
        "published_at": NOW - timedelta(seconds=30),
        "created_at": NOW - timedelta(seconds=31),
    }
    if status == "missed":
        changes["expires_at"] = NOW - timedelta(seconds=5)
    assert explain(replace(detail(**changes), device_seen_at=seen)).endswith(says)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (
            timedelta(minutes=1),
            "The device is working on it: it reported “flashing” 0s ago and has not given",
        ),
        (timedelta(0), "The device reported “flashing” 0s ago but no final answer before the deadline"),
    ],
)
def test_a_command_in_progress_says_what_was_reported_last_and_whether_it_can_still_end(left, says):
    answer = '{"status": "flashing", "details": null}'
    changes = {"published_at": NOW, "progress": answer, "expires_at": NOW + left}
    assert explain(detail(("progress", "", answer), **changes)).startswith(says)


def test_what_waits_for_a_broker_that_is_away_says_so():
    assert (
        explain(detail(), "connection refused")
        == "It waits for the broker, which cannot be reached: connection refused."
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ('{"status": "error", "details": {"code": "busy"}}', "answered “error” (busy) after"),
        ('{"status": "error", "details": {"code": 5}}', "answered “error” (5) after"),
        ('{"status": "error", "details": null}', "answered “error” after"),
        (None, "answered “error” after"),
    ],
)
def test_a_failure_names_the_devices_own_reason(answer, says):
    failed = detail(status="delivered", acked_at=NOW, published_at=NOW, ack_status="error", ack_json=answer)
    assert says in explain(failed)


def test_an_unknown_status_stands_as_it_was_stored():
    assert command_cells(command(status="sleeping"), NOW)["phase"].text == "? sleeping"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (detail(), "It is committed and waits for its turn to be published."),
        (
            detail(reason=Reason(Outcome.REFUSED, None, "quota (0x97).")),
            "the last attempt failed: the broker refused it: quota (0x97).",
        ),
        (detail(published_at=NOW), "The broker took it; the device has not answered yet."),
        (detail(("nobody_listens", None, "x"), published_at=NOW), "reported no subscriber"),
        (detail(status="missed", published_at=NOW), "did not answer before the deadline"),
        (
            detail(("unsent", None, "quota", 3, Reason(Outcome.REFUSED, None, "quota")), status="expired"),
            "deadline: after 3 attempts: the broker refused it: quota.",
        ),
        (detail(status="expired"), "No broker confirmed it before the deadline: no attempt is on record."),
        (
            detail(
                ("cancelled", "bob", "wrong pump"), status="expired", cancelled_at=NOW, cancelled_by="bob"
            ),
            "bob cancelled it before it was published: wrong pump.",
        ),
        (detail(status="delivered", acked_at=NOW, ack_status="jammed"), "The device answered “jammed” after"),
        (detail(status="odd"), "unknown to this console"),
    ],
)
def test_every_phase_is_explained_in_one_sentence(given, message):
    assert message in explain(given)
    assert "never sent" not in explain(given)


def test_only_settled_commands_are_retried_and_only_waiting_ones_cancelled():
    assert retry_reason(command(status="missed")) is None
    assert "ended" in (retry_reason(command()) or "")
    assert cancel_reason(command()) is None
    assert cancel_reason(command(published_at=NOW)) == "already published"


def test_the_timeline_is_in_order_and_tells_an_inferred_publication():
    given = detail(status="delivered", acked_at=NOW, published_at=NOW, ack_status="ok")
    assert [step.what for step in steps(given)] == ["created", "published", "answered ● ok"]
    assert "inferred from the answer" in steps(given)[1].note


def _text(lines):
    return ["".join(cell.text for cell in line) for line in lines]


def test_the_steps_stand_in_columns_and_a_long_note_hangs_beneath_its_own():
    given = detail(("attempt", "", "the broker refused it because its quota is used up"), published_at=NOW)
    for width in (36, 60, 120):
        message = _text(timeline_lines(given, UTC, width))
        at = next(n for n, line in enumerate(message) if line.startswith("timeline"))
        steps_of = [line for line in message[at + 1 :] if line.strip()[:1].isdigit()]
        assert (
            len({line.index(what) for line, what in zip(steps_of, ("created", "published"), strict=False)})
            == 1
        )
        assert all(len(line) <= width for line in message[at:])
        notes = [line for line in message[at + 1 :] if line.strip() and not line.strip()[0].isdigit()]
        assert all(line.startswith(" " * 14) for line in notes)


def test_a_deadline_that_has_passed_is_reported_once():
    past = detail(status="missed", expires_at=NOW - timedelta(seconds=1))
    assert [step.what for step in steps(past)].count("deadline") == 1
    assert deadline_line(past, NOW) == ()
    assert "(in 59m 48s)" in _text([deadline_line(detail(), NOW)])[0]


def test_the_keys_of_json_stand_back_behind_its_values():
    cells = keyed('{"a": "b: \\"c\\":", "d": [1]}')
    assert [cell.text for cell in cells if cell.tone == "dim"] == ['"a"', '"d"']
    assert "".join(cell.text for cell in cells) == '{"a": "b: \\"c\\":", "d": [1]}'


def test_a_retry_names_the_command_it_repeats():
    given = detail(("retry_of", "alice", "old-1"))
    assert retry_link(given) == "old-1"
    assert any("old-1" in "".join(cell.text for cell in line) for line in content_lines(given, 80, "f"))


def test_verdict_answer_and_params_stand_above_the_nineteenth_row():
    """Without it the answer of a device is below the fold on the terminal that most have."""
    many = json.dumps({f"key_{n}": n for n in range(30)})
    given = detail(
        status="delivered", published_at=NOW, acked_at=NOW, params_json=many,
        ack_status="busy", ack_json=f'{{"status": "busy", "details": {many}}}',
    )  # fmt: skip
    lines = _text([*head_lines(given, 76), *content_lines(given, 76, "f")])
    (heading,) = [line for line in lines if line.startswith("answer")]
    assert heading.split() == ["answer", "params"]
    above = 4  # header, banner, title and the edge of the text
    assert above + lines.index(heading) + FOLDED + 1 <= 19
    assert "29 more lines: f shows them" in lines[lines.index(heading) + FOLDED]
    assert folds(given)
    whole = "\n".join(_text(content_lines(given, 76, "")))
    assert "key_29" in whole
    assert "more lines" not in whole
    assert all(len(line) <= 76 for line in whole.split("\n"))
    narrow = _text(content_lines(given, 40, "enter"))
    assert narrow.index("params") > narrow.index("answer") + FOLDED
    assert any("more lines: enter shows them" in line for line in narrow)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "delivered", "ack_status": "busy", "ack_json": '{"status": "busy", "details": {"code": "E7"}}'}, "E7"),
        ({"status": "delivered", "ack_status": "ok", "ack_json": '{"status": "ok", "details": {"rtt_ms": 17, "on": true, "l": [1]}}'}, "rtt_ms 17, on yes, l …"),
        ({"status": "delivered", "ack_status": "ok", "ack_json": '{"status": "ok", "details": "fine\u0007"}'}, '"fine␇"'),
        ({"status": "missed", "published_at": NOW}, "silent for 59m"),
        ({"status": "missed", "published_at": NOW, "progress": "installing"}, "began: installing"),
        ({"status": "expired", "cancelled_at": NOW, "cancelled_by": "bob\x1b"}, "by bob␛"),
        ({"status": "expired", "reason": Reason(None, BlockedBy.BROKER)}, "no connection to the broker"),
        ({"status": "queued", "published_at": NOW, "progress": "running"}, "running"),
        ({"status": "queued", "published_at": NOW}, ""),
        ({"status": "odd"}, ""),
    ],
)  # fmt: skip
def test_the_reason_of_a_command_in_a_few_words(fields, words):
    assert command_cells(command(**fields), NOW)["reason"].text == words


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1,  2]", "[1, 2]"), ('{"a": tr', '{"a": tr'), ('{"a": null, "b": [], "c": false}', "a null, b none, c no"), ("[" * 9_999, "[" * 9_999)],
)  # fmt: skip
def test_what_is_no_object_is_shown_as_it_is(text, words):
    """Without it an answer of another shape than most, or one that was cut, has no reason."""
    assert pairs_of(text) == words


def test_how_long_is_left_is_a_column_only_while_something_waits():
    """Without it a column of dashes takes the room of the reasons."""
    ended, waiting = command(status="missed"), command()
    names = lambda *rows: {column.key for column in columns_for(rows, of_one_device=True)}  # noqa: E731
    assert names(ended, waiting) - names(ended) == {"left"}
    assert "device" not in names(ended)
    assert "device" in {column.key for column in columns_for([ended], of_one_device=False)}


def test_json_keeps_its_digits_and_loses_its_teeth():
    shown = "\n".join(pretty('{"n": 1.10000000000000000000001, "t": "' + "x" * 40 + '\x1b]0;"}'))
    assert "1.10000000000000000000001" in shown
    assert "\x1b" not in shown


def test_json_that_is_deep_or_long_is_capped():
    assert len(pretty("[" * 60_000)) <= 2_002
    assert sum(len(line) for line in pretty('{"a": "' + "x" * 69_000 + '"}')) < 10_000


def test_copies_carry_the_command_whole_and_quoted():
    given = command(params_json='{"delay_s": 5}', device_id="pump 1")
    assert resend_line(given) == (
        "device-console --tenant acme send 'pump 1' ping --ttl 3600s --params '{\"delay_s\": 5}'"
    )


def test_the_shell_line_sends_the_same_params_to_the_byte():
    """Without it the spaces in a text are folded, and the shell sends something else."""
    line = resend_line(command(params_json='{"x":"a    b",\n  "y":\t"\\"  {"}'))
    assert shlex.split(line)[-1] == '{"x":"a    b", "y": "\\"  {"}'
    assert "\n" not in line


def test_the_shell_line_for_many_is_one_line_by_filter_or_by_name_or_none():
    """Without it 100,000 marked devices are 100,000 lines."""

    def line(devices, where=""):
        return send_line("acme", devices, "ping", "{}", timedelta(hours=1), where or naming_filter(devices))

    assert line(["a", "b"], "site:lyon -tag:x") == (
        "device-console --tenant acme send --where 'site:lyon -tag:x' ping --ttl 3600s --yes"
    )
    assert line(["pump-1", "pump 2"]) == (
        "device-console --tenant acme send --where 'device:pump-1,\"pump 2\"' ping --ttl 3600s --yes"
    )
    for odd in ("pump*", "pump?", 'pump"', ""):
        assert line(["pump-1", odd]) is None
    assert line([f"pump-{number}" for number in range(400)]) is None


def test_a_history_is_counted_by_phase():
    line = history_line("Tenant", [command(), command(status="missed")], 120, more=True)
    assert "".join(cell.text for cell in line) == " Tenant   2 commands so far   ◍ 1 missed   ○ 1 waiting"


@pytest.mark.parametrize("width", [39, 41, 46, 80])
def test_the_timeline_fits_a_narrow_pane(width):
    """Without fewer digits there, the span wraps into the next line."""
    waited = command(
        status="delivered",
        ack_status="error",
        published_at=NOW + timedelta(seconds=1.14),
        acked_at=NOW + timedelta(seconds=2),
    )
    found = timeline_lines(CommandDetail(waited, (), NOW + timedelta(seconds=3)), width=width)
    start = next(n for n, line in enumerate(found) if line and line[0].text.startswith("timeline"))
    assert all(sum(len(cell.text) for cell in line) <= width for line in found[start:])


UNKNOWN = Reason(Outcome.UNKNOWN, None, "The broker sent no PUBACK within 10 s.")
UNANSWERED = ("attempt", None, UNKNOWN.words, 1, UNKNOWN)
REFUSED = ("attempt", None, None, 2, Reason(Outcome.REFUSED, None, "quota exceeded (0x97)"))


def test_what_the_broker_left_unanswered_is_never_called_unpublished():
    """Without it a device acts on a command of which its operator was told that it was never published."""
    cancelled = ("cancelled", "alice", "")
    was = {"status": "expired", "cancelled_at": NOW, "cancelled_by": "alice"}
    assert "so the device may have it" in explain(detail(UNANSWERED, REFUSED, cancelled, **was))
    assert "cancelled it before it was published" in explain(detail(REFUSED, cancelled, **was))
    waiting = explain(detail(UNANSWERED, attempts=1, reason=UNKNOWN))
    assert waiting == (
        "It waits to be published again: the outcome of the last attempt is unknown"
        " (The broker sent no PUBACK within 10 s)."
    )
    unseen = "an attempt is under way, or ended without a record"
    assert unknown_outcome(detail(UNANSWERED, REFUSED, attempts=2)) == "the broker did not answer one attempt"
    assert unknown_outcome(detail(REFUSED, attempts=3)) == unseen
    assert unknown_outcome(detail(REFUSED, attempts=1)) == unknown_outcome(detail()) == ""
    many = [("attempt", None, None, n, REFUSED[4]) for n in range(1, 21)]
    assert unknown_outcome(detail(*many, attempts=22, reason=REFUSED[4])) == ""
    assert unknown_outcome(detail(*many, attempts=22, reason=UNKNOWN))
    assert explain(detail(attempts=1)) == f"It waits to be published; {unseen}."


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason(), ""),
        (Reason(words="as it was"), "as it was"),
        (Reason(Outcome.CONFIRMED), ""),
        (Reason(Outcome.REFUSED, None, "quota"), "the broker refused it: quota"),
        (Reason(Outcome.UNKNOWN, None, "gone"), "the outcome is unknown: gone"),
        (Reason(Outcome.NOT_TRIED, None, "stopped"), "not tried: stopped"),
        (Reason(Outcome.UNKNOWN, BlockedBy.TENANT, "suspended"), "the tenant is suspended"),
        (Reason(None, BlockedBy.TENANT), "the tenant is gone"),
        (Reason(None, BlockedBy.DEVICE), "the device is decommissioned"),
        (Reason(None, BlockedBy.BATCH), "its bulk send was stopped"),
        (Reason(None, BlockedBy.OTHER_PROGRAM), "an earlier command of another program is not published yet"),
        (Reason(None, BlockedBy.EARLIER_COMMAND), "an earlier command to the device goes first"),
        (Reason(None, BlockedBy.EARLIER_COMMAND, "quota"), "an earlier command to the device goes first (quota)"),
        (Reason(None, BlockedBy.BROKER), "no connection to the broker"),
        (Reason(None, BlockedBy.CONTENT, "params are too large"), "params are too large"),
        (Reason(Outcome.UNKNOWN, BlockedBy.CONTENT, "params are too large"), "params are too large"),
        (Reason(Outcome.REFUSED), "the broker refused it"),
        (Reason(None, BlockedBy.DATABASE, "a trigger"), "it cannot be handled: a trigger"),
    ],
)  # fmt: skip
def test_a_reason_becomes_words_only_where_it_is_shown(reason, sentence):
    """Without values, rewording a sentence changes what old rows mean."""
    assert reason.sentence == sentence
    assert command(reason=reason).last_error == (sentence or None)


def test_words_of_a_later_version_are_no_reason_to_end():
    """Without it, a column that has one more value ends every older program that reads it."""
    assert known(Outcome, "refused") is Outcome.REFUSED
    assert known(Outcome, "delivered by hand") is None
    assert known(BlockedBy, None) is None


def test_an_entry_says_which_attempt_ended_how():
    confirmed = JournalEntry(NOW, "nobody_listens", None, None, 3, Reason(Outcome.CONFIRMED))
    assert confirmed.words == "attempt 3 was confirmed by the broker"
    assert (JournalEntry(NOW, *UNANSWERED).words or "").startswith(
        "attempt 1: the outcome is unknown: The broker sent"
    )
    assert JournalEntry(NOW, "unsent", None, None, 0).words == "after 0 attempts: its turn never came"
    assert JournalEntry(NOW, "unsent", None, None).words == "its turn never came"
    assert JournalEntry(NOW, "cancelled", "bob", "sent twice").words == "sent twice"
    blocked = detail(reason=Reason(None, BlockedBy.CONTENT, "params are too large"))
    assert explain(blocked) == "It waits for publication; params are too large."


def test_every_phase_has_a_symbol_in_the_shell_on_the_screen_and_in_ascii():
    """Without one of them, a command in a phase that is new ends the program that shows it."""
    assert set(PHASE_TONES) == set(PHASE_SYMBOLS) == set(Phase)
    assert len({PHASE_SYMBOLS[phase] for phase in Phase}) == len(Phase)
    folded = [to_ascii(PHASE_SYMBOLS[phase]) for phase in Phase]
    assert len(set(folded)) == len(Phase)
    assert all(
        symbol.isascii() and symbol != "?"
        for symbol in folded
        if symbol != to_ascii(PHASE_SYMBOLS[Phase.UNKNOWN])
    )
    bar = progress_lines(BatchView(BATCH, dict.fromkeys(Phase, 1), (), NOW), None, 160)
    assert all(f"1 {phase}" in "".join(cell.text for cell in bar[1]) for phase in Phase)


def test_a_later_answer_is_reported_beside_the_one_that_counts():
    assert command_cells(command(status="delivered", acked_at=NOW, ack_status="error", later="ok"), NOW)[
        "phase"
    ].text == ("✕ failed, then ok")
    same = command(status="delivered", acked_at=NOW, ack_status="ok", later="ok")
    assert command_cells(same, NOW)["phase"].text == "● ok, then differed"
    long = command(status="delivered", acked_at=NOW, ack_status="ok", later="x\x1b" * 60)
    assert len(command_cells(long, NOW)["phase"].text) < 40
    message = ("conflict", None, '{"status":"ok","details":{"fw":"2"}}')
    assert 'A later answer differs: “ok” {"fw":"2"}' in explain(
        detail(message, status="delivered", acked_at=NOW, ack_status="error")
    )
