"""The rules of the contract, without any server."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import NEVER, Command, Draft, Phase, params_fault, type_fault
from console.domain.devices import Device, Link
from console.domain.history import Cursor, HistoryPage
from console.domain.identifiers import id_fault
from console.domain.publication import Puback
from console.domain.targets import Target
from console.domain.text.json import has_unstorable_text, json_depth
from console.domain.text.safe import MIXED, safe, safe_block, safe_id
from console.domain.ttl import parse_ttl, ttl_fault, typed_ttl, typed_ttl_fault, within_range
from console.errors import InvalidInputError
from console.limits import MAX_TTL, MIN_TTL

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def command(**fields: object) -> Command:
    plain: dict[str, object] = {
        "tenant_id": "acme", "command_id": "c1", "device_id": "pump-1", "command_type": "ping",
        "status": "queued", "created_at": AT, "expires_at": AT + timedelta(hours=1),
    }  # fmt: skip
    return Command(**{**plain, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "published", "ack", "cancelled", "phase"),
    [
        ("queued", None, None, None, Phase.WAITING),
        ("queued", AT, None, None, Phase.PUBLISHED),
        ("delivered", AT, "ok", None, Phase.OK),
        ("delivered", AT, None, None, Phase.OK),
        ("delivered", AT, "OK", None, Phase.FAILED),
        ("delivered", AT, "error", AT, Phase.FAILED),
        ("missed", AT, None, None, Phase.MISSED),
        ("expired", None, None, None, Phase.EXPIRED),
        ("expired", None, None, AT, Phase.CANCELLED),
        ("banana", None, None, None, Phase.UNKNOWN),
    ],
)
def test_the_phase_is_derived_from_row_and_journal(
    status: str, published: datetime | None, ack: str | None, cancelled: datetime | None, phase: Phase
) -> None:
    row = command(status=status, published_at=published, ack_status=ack, cancelled_at=cancelled)
    assert row.phase is phase
    assert phase.settled == (phase in {Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED, Phase.CANCELLED})


def test_late_means_after_the_deadline_or_after_the_cancel() -> None:
    deadline = AT + timedelta(hours=1)
    assert command(status="delivered", acked_at=deadline + SECOND).late
    assert not command(status="delivered", acked_at=deadline).late
    assert command(status="delivered", acked_at=AT + SECOND * 2, cancelled_at=AT + SECOND).late
    assert not command(status="queued", acked_at=None).late


def test_latency_counts_from_the_publication_or_from_creation_when_it_was_inferred() -> None:
    acked = AT + SECOND * 5
    assert command(acked_at=acked, published_at=AT + SECOND).latency == SECOND * 4
    assert command(acked_at=acked, published_at=acked).latency == SECOND * 5
    assert command(acked_at=AT - SECOND).latency == timedelta(0)
    assert command().latency is None


def test_a_deadline_in_the_year_9999_is_no_deadline() -> None:
    assert command(expires_at=NEVER).never_expires
    assert not command().never_expires


@pytest.mark.parametrize("good", ["a", "pump-17", "Ä", "a b", "null", "-1", "x" * 128, "%2F", "..", "日本"])
def test_ids_that_can_be_routed(good: str) -> None:
    assert id_fault(good) is None


@pytest.mark.parametrize(
    "bad", ["", " ", "a ", " a", "a/b", "+", "#", "a\x00", "a\n", "\x1b", "\x7f", "\x85", "\ud800", "x" * 129]
)
def test_ids_that_cannot_be_routed(bad: str) -> None:
    assert id_fault(bad)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("90s", 90), ("10m", 600), ("1h30m", 5_400), (" 7d ", 604_800), ("1d2h3m4s", 93_784)],
)
def test_ttls_are_read(text: str, seconds: int) -> None:
    assert parse_ttl(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "60", "-5s", "1.5h", "1h30", "s", "4s", "0s", "8d", "9999999999s", "١h", "1w"]
)
def test_ttls_that_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^[^ ].+: .+\.$"):
        parse_ttl(text)
    assert typed_ttl(text) is None
    assert typed_ttl_fault(text)


def test_what_is_typed_is_a_ttl_once_it_may_be_one() -> None:
    assert (typed_ttl("10m"), typed_ttl_fault("10m")) == (timedelta(minutes=10), None)


def test_a_ttl_out_of_range_is_brought_into_it() -> None:
    spans = (timedelta(0), timedelta(minutes=5), timedelta(days=400))
    assert [within_range(span) for span in spans] == [MIN_TTL, timedelta(minutes=5), MAX_TTL]


def test_the_limits_of_a_ttl_are_inside() -> None:
    assert ttl_fault(timedelta(seconds=5)) is None
    assert ttl_fault(timedelta(days=7)) is None
    assert ttl_fault(timedelta(days=7, microseconds=1))


@pytest.mark.parametrize("bad", ["", "   ", "x" * 101, " reboot", "re\x1bboot", "a\nb"])
def test_command_types_that_are_refused(bad: str) -> None:
    assert type_fault(bad)


@pytest.mark.parametrize(
    "good", ["{}", '{"a": 1.10}', '{"a": {"b": [1, null, "\\ud83d\\ude00"]}}', '{"a":"\\\\u0000"}']
)
def test_params_that_may_be_sent(good: str) -> None:
    assert params_fault(good) is None


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("", "line 1, column 1"), ("{", "line 1, column 2"), ("[]", "must be a JSON object"), ("5", "must be a JSON object"),
        ('{"a": 1}}', "Extra data"), ('{"a": Infinity}', "Infinity"), ('{"a": 1e99999}', "1e99999"),
        ('{"a": "\ud800"}', "surrogate"), ('{"a": "\\ud800"}', "surrogate"), ('{"a": "\\u0000"}', "NUL"),
        ('{"a":' + "[" * 300 + "]" * 300 + "}", "nested more than 200"), ('{"a": "' + "x" * 66_000 + '"}', "bytes"),
    ],
)  # fmt: skip
def test_params_that_are_refused_with_a_sentence(bad: str, says: str) -> None:
    fault = params_fault(bad)
    assert fault
    assert says in fault


def test_a_draft_names_every_fault() -> None:
    faults = Draft("a/b", "+", "", "[]", timedelta(0)).faults()
    assert len(faults) == 5
    assert Draft("a", "b", "ping").faults() == ()


@given(st.text())
def test_what_is_shown_holds_no_control_character(text: str) -> None:
    shown = safe(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in shown)
    assert not set(shown) & set("\u202e\u202d\u2066\u200b\ufeff\u2028")


@given(
    st.text(
        alphabet=string.printable.replace("\t", "")
        .replace("\n", "")
        .replace("\r", "")
        .replace("\x0b", "")
        .replace("\x0c", ""),
        max_size=100,
    )
)
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_long_and_strange_text_is_cut_and_made_visible() -> None:
    assert safe(None) == ""
    assert safe("\x1b[2J\n\t\x9b\u202e") == "␛[2J⏎⇥‹009B›‹202E›"
    assert safe("é" * 1_000, 10) == "é" * 10 + "… (2,000 bytes)"
    assert safe("a" + "\u0301" * 5_000, 6_000).count("\u0301") == 4
    assert safe_block("a\nb\x1b") == "a\nb␛"
    assert safe_block(None) == ""
    assert safe_block("x\n" * 5_000).endswith("… (10,000 characters in all)")


def test_depth_is_counted_outside_strings() -> None:
    assert json_depth('{"a[[[": [1, {"b\\"[": 2}]}') == 3
    assert json_depth('"unfinished') == 0
    assert has_unstorable_text('"\\ud800"')
    assert not has_unstorable_text('"\\ud83d\\ude00 \\\\u0000"')


def test_a_refusal_has_a_name() -> None:
    assert Puback(0).accepted
    assert Puback(0x10).accepted
    assert Puback(0x10).nobody_listens
    assert not Puback(0x80).accepted
    assert Puback(0x87).reason == "not authorized (0x87)"
    assert Puback(0xFE).reason == "reason (0xfe)"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tenant_status": ""}, "does not exist"), ({"tenant_status": "SUSPENDED"}, "is SUSPENDED"),
        ({"registered": False}, "is not registered"), ({"decommissioned": True}, "is decommissioned"),
    ],
)  # fmt: skip
def test_what_forbids_a_send(fields: dict[str, object], says: str) -> None:
    fault = _target(**fields).fault
    assert fault
    assert says in fault


def _target(**fields: object) -> Target:
    plain: dict[str, object] = {
        "device_id": "pump-1", "registered": True, "registry_status": "ACTIVE", "decommissioned": False,
        "link": "online", "last_seen_at": None, "in_flight": 0, "tenant_status": "ACTIVE",
    }  # fmt: skip
    return Target(**{**plain, **fields})  # type: ignore[arg-type]


def test_what_only_warns() -> None:
    assert _target().fault is None
    assert _target().warning is None
    assert _target(registry_status="SUSPENDED").warning == "pump-1 is SUSPENDED in the registry."
    assert _target(link="offline").warning == "pump-1 is offline."


def test_a_page_ends_at_its_last_row() -> None:
    assert HistoryPage((), AT, more=False).end is None
    assert HistoryPage((command(),), AT, more=True).end == Cursor(AT, "c1")


def test_a_device_may_have_no_state_yet() -> None:
    assert Device("acme", "pump-1").link is Link.UNKNOWN


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("pump-a", False),
        ("pump-\u0430", True),
        ("насос-1", False),
        ("pumpe-ä", False),
        ("水pump", False),
        ("αβ-b", True),
    ],
)
def test_a_word_of_scripts_that_look_alike_is_marked(text: str, marked: bool) -> None:
    assert safe_id(text).endswith(MIXED) is marked
    assert safe_id(text).startswith(text)
    assert safe_id(None) == ""
