"""What refuses a dangerous start."""

from tests.removals import Removal

_CHECKS = "console/store/schema/checks.py"
_HERE = "tests/store/test_start_checks.py::test_"
_REFUSED = f"{_HERE}what_cannot_work_or_is_dangerous_is_refused_in_one_sentence"
_WARNED = f"{_HERE}what_is_unwise_or_missing_is_warned_about"
_SERVER = f"{_HERE}a_server_that_cannot_do_is_refused"
_ROLES = f"{_HERE}an_operator_role_that_is_not_there_or_not_ours_to_assume_is_refused"
_LOGIN = f"{_HERE}a_login_that_may_do_all_and_one_that_may_not_work_are_warned_about"


def _look(what: str, condition: str, test: str) -> Removal:
    """A check whose condition never holds."""
    return Removal("G24", f"the look at {what}", _CHECKS, f"if {condition}:\n", "if '' > 'x':\n", test)


REMOVALS = (
    _look("the policies", 'shape["open"]', _REFUSED),
    _look("an operator that owns the table", 'not rights["bound"]', _REFUSED),
    _look("the migrations", "missing", _REFUSED),
    _look("our tables", 'not login["migrated"]', _REFUSED),
    _look("each right to read", "not rights[right]", _REFUSED),
    _look("the encoding", 'login["encoding"] != "UTF8"', _SERVER),
    _look("the version", 'login["version"] < _OLDEST', _SERVER),
    _look("whether the operator role is there", 'not login["operator_exists"]', _ROLES),
    _look("whether we may assume it", 'not login["may_operate"]', _ROLES),
    _look("the right to delete", 'rights["may_delete"] or rights["may_truncate"]', _WARNED),
    _look("columns that must be filled", 'rights["must_fill"]', _WARNED),
    _look("the right to send", 'not rights["may_insert"]', _WARNED),
    _look("the right to cancel", 'not rights["may_update"]', _WARNED),
    _look("a read-only database", 'login["read_only"]', _WARNED),
    _look("a superuser", 'login["superuser"]', _LOGIN),
    _look("the right to work", 'not (login["worker_exists"] and login["may_work"])', _LOGIN),
    Removal(
        "G24",
        "the look at the indexes",
        _CHECKS,
        'sorted(shape["indexes"])',
        'sorted(shape["indexes"])[:0]',
        _WARNED,
    ),
    Removal(
        "G24",
        "the look at the encoding before the first migration",
        "console/store/schema/migrate.py",
        '    if encoding != "UTF8":',
        "    if encoding is None:",
        "tests/store/test_migrations.py::test_a_database_that_is_not_utf8_is_refused",
    ),
)
