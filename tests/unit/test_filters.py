"""The filter language: what it reads, what it refuses with a hint, what matches, what it offers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.devices import Device
from console.domain.filters.completion import completions
from console.domain.filters.language import (
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
from console.domain.filters.subjects import device_subject

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
    ("text", "message"),
    [
        ("colour:red", "There is no key"),
        ("status:offline", "link:offline"),
        ("phase:gone", "phase: is one of waiting"),
        ("age:1h", "age>1h"),
        ("age>soon", "not a duration"),
        ("age>999999999s", None),
        ("age>99999d", "hundred years"),
        ("age>36500d1s", "hundred years"),
        ("age>1234567890s", "hundred years"),
        ("site>1h", "cannot be compared"),
        ('by:"alice', "not closed"),
    ],
)
def test_what_cannot_be_understood_is_named_and_the_rest_still_filters(
    text: str, message: str | None
) -> None:
    found = parse_filter(f"ping {text}", Scope.COMMANDS)
    assert found.terms[0] == Word("ping")
    if message is None:
        assert found.faults == ()
        return
    (fault,) = found.faults
    assert message in fault.sentence
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


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("AB:CD:EF:12:34:56", Word("ab:cd:ef:12:34:56")),
        ("-AB:CD:EF:12:34:56", Word("ab:cd:ef:12:34:56", negated=True)),
        ("B0:11:22:33:44:55", Word("b0:11:22:33:44:55")),
        ("ab:cd", Word("ab:cd")),
        ("fe80::1", Word("fe80::1")),
        ("urn:dev:mac:0024", Word("urn:dev:mac:0024")),
        ("lora:eui:70b3", Word("lora:eui:70b3")),
        ("device:AB:CD:EF:12:34:56", Match("device", ("AB:CD:EF:12:34:56",))),
        ("sit:lyon", "the nearest is site"),
        ("sit:lyon:2", "the nearest is site"),
        ("devise:pump-1", "the nearest is device"),
        ("colour:red", 'There is no key "colour" here: use one of'),
    ],
)
def test_an_id_with_colons_is_a_word_and_a_misspelled_key_is_reported(token, found):
    """Without the rule, a hardware address is "no key ab", and only some of them are."""
    read = parse_filter(token, Scope.DEVICES)
    if isinstance(found, str):
        assert found in read.faults[0].sentence
    else:
        assert (read.terms, read.faults) == ((found,), ())


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ('device:"*"', "*", True),
        ('device:"*"', "pump-1", False),
        ('device:"?"', "?", True),
        ('device:"?"', "x", False),
        ('device:pump"*"*', "pump*7", True),
        ('device:pump"*"*', "pump-7", False),
        (r"device:a\b", r"a\b", True),
        (r"device:a\*", r"a\xyz", True),
        (r'device:"a\*"', r"a\*", True),
        (r'device:"a\*"', r"a\x", False),
        ('device:"a b","*"', "*", True),
    ],
)
def test_what_stands_between_quotes_is_itself(text, value, fits):
    """Without it, a command for the device "*" goes to every device."""
    wanted = parse_filter(text, Scope.DEVICES)
    subject = Subject({"device": value}, {}, {}, "")
    assert matches(wanted, subject, NOW) is fits


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("", False),
        ("pump", False),
        ("device:pump-5", True),
        ("device:pump-5,pump-6", True),
        ("-device:pump-5", False),
        ("device:pump-*", False),
        ("state:decommissioned", True),
        ("-state:active", True),
        ("state:suspended", True),
        ("site:lyon", False),
    ],
)
def test_what_is_decommissioned_is_shown_only_when_it_is_asked_for(text, shows):
    """Without the rule, what is gone stands among what can be sent to."""
    assert parse_filter(text, Scope.DEVICES).shows_decommissioned is shows


def test_the_state_of_the_registry_is_not_the_status():
    for scope in (Scope.DEVICES, Scope.COMMANDS):
        (fault,) = parse_filter("status:suspended", scope).faults
        assert "for its state in the registry write state:suspended" in fault.sentence
        (fault,) = parse_filter("state:gone", scope).faults
        assert "state: is one of active, inactive, suspended, decommissioned" in fault.sentence
    for state, device in (
        ("active", Device("acme", "d")),
        ("suspended", Device("acme", "d", registry_status="SUSPENDED")),
        ("decommissioned", Device("acme", "d", registry_status="SUSPENDED", decommissioned=True)),
    ):
        assert (device.state, device.in_service) == (state, state == "active")
        assert matches(parse_filter(f"state:{state}", Scope.DEVICES), device_subject(device), NOW)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id:c-1,c-2", True),
        ("id:c-1 phase:ok", True),
        ("id:c-*", False),
        ("-id:c-1", False),
        ("device:c-1", False),
    ],
)
def test_only_exact_ids_are_found_without_a_search(text: str, names: bool) -> None:
    """Without it, the six commands of a headline are searched for through a million."""
    assert parse_filter(text, Scope.COMMANDS).names_ids == names
