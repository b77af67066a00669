"""What makes the pages for machines true, and harmless."""

from tests.removals import Removal

_PAGES = "tests/unit/test_pages.py::test_"
_READY = "tests/unit/test_readiness.py::test_"
_PAGES_FILE, _READY_FILE = "console/worker/pages.py", "console/worker/readiness.py"

REMOVALS = (
    Removal(
        "G45",
        "the number of clients at once",
        _PAGES_FILE,
        "if len(self._open) >= MOST_AT_ONCE:",
        "if False:",
        f"{_PAGES}whoever_comes_while_too_many_are_answered_is_cut_off",
    ),
    Removal(
        "G45",
        "the patience with a request",
        _PAGES_FILE,
        "asyncio.timeout(self._patience_s)",
        "asyncio.timeout(None)",
        f"{_PAGES}a_slow_client_is_cut_off",
    ),
    Removal(
        "G45",
        "the length of a request",
        _PAGES_FILE,
        "limit=MOST_HEAD",
        "limit=2**30",
        f"{_PAGES}a_huge_head_is_cut_off",
    ),
    Removal(
        "G45",
        "cutting off who is still there at the end",
        _PAGES_FILE,
        "                for writer in self._open:\n                    writer.transport.abort()",
        "                pass",
        f"{_PAGES}the_end_waits_for_nobody",
    ),
    Removal(
        "G45",
        "the readiness of who stands by",
        _READY_FILE,
        'not in {"on", "standby"}',
        'not in {"on"}',
        f"{_READY}a_worker_is_ready_when_all_runs_here_or_it_stands_by[standby]",
    ),
    Removal(
        "G45",
        "the age of a sweep that never ended",
        _READY_FILE,
        "(health.began_at if health.swept_at is None else health.swept_at)",
        "(health.swept_at or now)",
        f"{_READY}a_sweep_that_ended_long_ago_or_never_is_a_fault[False]",
    ),
    Removal(
        "G45",
        "leaving out a figure that could not be read",
        "console/worker/listening.py",
        "                self._waiting = None  # an old figure",
        "                pass  # an old figure",
        "tests/e2e/test_listening.py::test_while_the_database_is_away_it_is_not_ready_and_lives",
    ),
    Removal(
        "G45",
        "the look at who answers",
        "console/shell/health.py",
        'found[1] == b"200" and lines == ["ok"]',
        'found[1] == b"200"',
        "tests/unit/test_health_command.py::test_whatever_else_answers_there_is_3",
    ),
    Removal(
        "G45",
        "the count of refusals",
        "console/services/counts.py",
        "Attempt.REFUSED: Publication.REFUSED, ",
        "",
        f"{_READY}every_end_of_an_attempt_is_counted_once_and_what_never_began_not_at_all",
    ),
)
