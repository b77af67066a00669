"""What keeps writers from waiting for each other for ever."""

from tests.removals import Removal

_SQL = "migrations/907_lock_order.sql"
_HERE = "tests/guarantees/test_lock_order.py::test_"
_COMMANDS_FIRST = """\
    PERFORM FROM public.device_commands c
    JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    WITH given_back"""

REMOVALS = (
    Removal(
        "G20",
        "the commands before the outbox in giving leases back",
        _SQL,
        _COMMANDS_FIRST,
        "    WITH given_back",
        f"{_HERE}a_lease_given_back_too_late_never_deadlocks_with_the_sweep",
    ),
    Removal(
        "G20",
        "SKIP LOCKED in the trimming of problems",
        _SQL,
        "        FOR UPDATE OF p SKIP LOCKED\n",
        "",
        f"{_HERE}trimming_the_problems_never_deadlocks_with_counting_them",
    ),
)
