"""A key of the filter language is a row in the domain, a column in the store and a value of each subject."""

from datetime import UTC, datetime, timedelta

import pytest

from console.domain.commands import Command
from console.domain.devices import Device
from console.domain.filters.keys import (
    EVERY_KEY,
    KEYS,
    LIVE_OF_COMMAND,
    LIVE_OF_DEVICE,
    SPANS,
    TABLE,
    Kind,
    Scope,
    called,
    words_of_key,
)
from console.domain.filters.language import Subject
from console.domain.filters.subjects import command_subject, device_subject
from console.store.filter_columns import every_key, many_columns
from console.store.shape import BARE

NOW = datetime(2026, 5, 1, tzinfo=UTC)
COMMAND = Command("acme", "c1", "pump-1", "ping", "queued", NOW, NOW + timedelta(hours=1))
DEVICE = Device("acme", "pump-1", last_seen_at=NOW, last_command=COMMAND)


def keys_of(subject: Subject) -> frozenset[str]:
    return frozenset({*subject.texts, *subject.many, *subject.instants})


@pytest.mark.parametrize("scope", Scope)
def test_the_store_has_a_column_for_each_key_and_for_no_other(scope: Scope) -> None:
    """Without it, a new key ends the search with a KeyError, or is never offered."""
    assert every_key(scope) == {*KEYS[scope], *SPANS[scope]}


def test_the_subjects_have_a_value_for_each_key_and_for_no_other() -> None:
    """Without it, a row that was read is judged by less than the database judges it by."""
    assert keys_of(device_subject(DEVICE)) == {*KEYS[Scope.DEVICES], *SPANS[Scope.DEVICES]}
    of_command = keys_of(command_subject(COMMAND, DEVICE))
    assert of_command == {*KEYS[Scope.COMMANDS], *SPANS[Scope.COMMANDS]} - {"batch"}  # is not read with it


def test_what_a_row_is_judged_by_again_is_what_it_shows() -> None:
    assert keys_of(device_subject(DEVICE)) >= LIVE_OF_DEVICE
    assert keys_of(command_subject(COMMAND)) >= LIVE_OF_COMMAND


def test_no_list_has_two_rows_for_a_key() -> None:
    named = [(key.name, scope) for key in TABLE for scope in key.scopes]
    assert len(set(named)) == len(named)
    assert {key.name for key in TABLE} == EVERY_KEY


def test_what_a_database_lacks_has_no_column() -> None:
    several = [key.name for key in TABLE if key.kind is Kind.TEXTS]
    assert [name for name in several if many_columns(name, BARE)] == ["batch"]


def test_the_status_of_a_device_is_its_link() -> None:
    assert words_of_key("status", Scope.DEVICES) == words_of_key("link", Scope.DEVICES)
    assert "queued" in words_of_key("status", Scope.COMMANDS)
    assert words_of_key("site", Scope.COMMANDS) == ()


def test_a_key_is_called_by_its_name_or_by_a_word() -> None:
    assert [called(name) for name in ("fw", "kind", "site")] == ["firmware", "kind of problem", "site"]
