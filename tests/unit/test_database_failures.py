"""Whatever PostgreSQL says is an error of ours with a sentence: none of its errors ends the program."""

import asyncpg
import pytest
from asyncpg.exceptions import _base

from console.errors import ConsoleError, DatabaseUnreachableError, DataRefusedError, RefusedError
from console.store.failures import translate

EVERY = sorted(
    (code, error)
    for code, error in _base.PostgresMessageMeta._message_map.items()
    if issubclass(error, asyncpg.PostgresError)
)


@pytest.mark.parametrize(("sqlstate", "error"), EVERY, ids=[code for code, _ in EVERY])
def test_every_error_of_the_server_is_a_sentence(sqlstate: str, error: type[Exception]) -> None:
    """Without the classes of SQLSTATE, a trigger that raises or a disk that fails ends the screen."""
    ours = translate(error("what the server said"))
    assert isinstance(ours, ConsoleError)
    assert "what the server said" in str(ours) or sqlstate in {"0A000", "25006"}


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (asyncpg.RaiseError, DataRefusedError), (asyncpg.CheckViolationError, DataRefusedError),
        (asyncpg.CardinalityViolationError, DataRefusedError), (asyncpg.UntranslatableCharacterError, DataRefusedError),
        (asyncpg.PostgresIOError, DatabaseUnreachableError), (asyncpg.IdleSessionTimeoutError, DatabaseUnreachableError),
        (asyncpg.InsufficientResourcesError, DatabaseUnreachableError), (asyncpg.DiskFullError, DatabaseUnreachableError),
        (asyncpg.DeadlockDetectedError, DatabaseUnreachableError), (asyncpg.DatabaseDroppedError, DatabaseUnreachableError),
        (asyncpg.DatatypeMismatchError, RefusedError), (asyncpg.UndefinedTableError, RefusedError),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again_and_what_is_in_the_data_is_not(
    error: type[Exception], ours: type[ConsoleError]
) -> None:
    assert type(translate(error("x"))) is ours


def test_a_bug_stays_a_bug() -> None:
    assert translate(KeyError("x")) is None
