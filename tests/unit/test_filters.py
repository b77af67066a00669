"""The filter language: what it reads, what it refuses with a hint, what matches, what it offers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.filter_completion import completions
from console.domain.filters import (
    KEYS,
    MOST_TERMS,
    SPANS,
    Match,
    Scope,
    Span,
    Subject,
    Word,
    matches,
    parse_filter,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def subject(**texts: str) -> Subject:
    return Subject(
        texts,
        {"tag": frozenset({"Critical", "roof"})},
        {"age": NOW - timedelta(hours=2), "ttl": NOW + timedelta(minutes=4)},
        " ".join(texts.values()),
    )


def test_every_kind_of_term_is_read() -> None:
    found = parse_filter(
        'status:missed type:Reboot device:Pump-* age>1h30m -by:alice "two words" x', Scope.COMMANDS
    )
    assert found.faults == ()
    assert found.terms == (
        Match("status", ("missed",)),
        Match("type", ("reboot",)),
        Match("device", ("Pump-*",)),
        Span("age", ">", timedelta(hours=1, minutes=30)),
        Match("by", ("alice",), negated=True),
        Word("two words"),
        Word("x"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "There is no key"),
        ("status:offline", "link:offline"),
        ("phase:gone", "phase: is one of waiting"),
        ("age:1h", "age>1h"),
        ("age>soon", "no span of time"),
        ("age>999999999s", None),
        ("age>99999d", "hundred years"),
        ("site>1h", "cannot be compared"),
        ('by:"alice', "not closed"),
    ],
)
def test_what_cannot_be_understood_is_named_and_the_rest_still_filters(text: str, said: str | None) -> None:
    found = parse_filter(f"ping {text}", Scope.COMMANDS)
    assert found.terms[0] == Word("ping")
    if said is None:
        assert found.faults == ()
        return
    (fault,) = found.faults
    assert said in fault.sentence
    assert f"ping {text}"[fault.start : fault.end] == text


def test_what_is_only_begun_says_nothing_yet() -> None:
    for text in ("-", "type:", "age>", '""', "site:,"):
        assert parse_filter(text, Scope.COMMANDS) == parse_filter("", Scope.COMMANDS)


def test_there_is_an_end_to_the_terms() -> None:
    found = parse_filter("a " * 100, Scope.DEVICES)
    assert len(found.terms) == MOST_TERMS
    assert len(found.faults) == 1


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("type:reboot", True),
        ("type:re?oot", True),
        ("type:*BOOT", True),
        ("type:boot", False),
        ("type:ping,reboot", True),
        ("-type:ping", True),
        ("device:pump-1", True),
        ("device:PUMP-1", False),
        ("tag:critical", True),
        ("tag:cellar", False),
        ("-tag:cellar", True),
        ("age>1h", True),
        ("age>3h", False),
        ("-age>3h", True),
        ("age<=2h", True),
        ("ttl<5m", True),
        ("ttl<4m", False),
        ("REBOOT pump", True),
        ("-reboot", False),
        ("by:", True),
        ("site:lyon", False),
        ("-site:lyon", True),
    ],
)
def test_a_row_matches(text: str, holds: bool) -> None:
    wanted = parse_filter(text, Scope.COMMANDS)
    assert not wanted.faults
    assert matches(wanted, subject(type="Reboot", device="pump-1"), NOW) is holds


def test_only_some_keys_can_be_judged() -> None:
    wanted = parse_filter("type:reboot site:lyon nothing", Scope.COMMANDS)
    assert not matches(wanted, subject(type="reboot"), NOW)
    assert matches(wanted, subject(type="reboot"), NOW, only=frozenset({"type"}))


@given(st.text(), st.sampled_from(Scope))
def test_any_text_is_read_without_an_error(text: str, scope: Scope) -> None:
    found = parse_filter(text, scope)
    for fault in found.faults:
        assert 0 <= fault.start < fault.end <= len(text)
        assert fault.sentence.endswith(".")


@given(st.text(max_size=30), st.sampled_from(Scope))
def test_any_completion_is_understood(text: str, scope: Scope) -> None:
    for offer in completions(text, len(text), scope, {"site": ("lyon", "a b", 'q"x')}):
        spans = tuple(f"{key}>" for key in SPANS[scope])
        whole = offer + "1h" if offer.endswith(spans) else offer
        assert not parse_filter(whole, scope).faults


def test_completion_offers_keys_then_words_then_what_is_known() -> None:
    assert completions("-ph", 3, Scope.COMMANDS, {}) == ("-phase:",)
    assert completions("x phase:m", 9, Scope.COMMANDS, {}) == ("phase:missed",)
    assert completions("site:lyon,p", 11, Scope.DEVICES, {"site": ("lyon", "porto")}) == ("site:lyon,porto",)
    assert completions("", 0, Scope.DEVICES, {}) == ()
    assert "ttl>" in completions("t", 1, Scope.COMMANDS, {})
    assert completions("STATUS:", 7, Scope.PROBLEMS, {"status": ("queued",)}) == ()  # no key of this list
    assert set(KEYS[Scope.DEVICES]) >= {"site", "model", "fw", "tag", "group"}


def test_a_filter_names_its_keys() -> None:
    assert parse_filter("type:ping age>1h word", Scope.COMMANDS).keys == {"type", "age"}
    for scope in (Scope.COMMANDS, Scope.DEVICES):  # what a person calls the status of a command
        assert parse_filter("status:ok,failed", scope).terms == (Match("phase", ("ok", "failed")),)
    assert parse_filter("status:missed", Scope.COMMANDS).terms == (Match("status", ("missed",)),)
    assert parse_filter("status:missed", Scope.DEVICES).keys == {"phase"}
    assert parse_filter("status:off*", Scope.DEVICES).keys == {"status"}
    assert "is one of online" in parse_filter("status:online,missed", Scope.DEVICES).faults[0].sentence
