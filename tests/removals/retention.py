"""What keeps retention to what ended long ago, and out of everybody's way."""

from tests.removals import Removal

_SQL = "migrations/repeatable/75_retention.sql"
_TESTS = "tests/guarantees/test_retention.py::test_"
_MODEL = f"{_TESTS}random_rows_and_settings_leave_what_the_model_leaves"
_PRUNER = "console/services/pruner.py"

REMOVALS = (
    Removal(
        "G47", "the status of what is deleted", _SQL,
        "(c.status IN ('delivered', 'missed', 'expired') AND c.expires_at < p_before)", "(c.expires_at < p_before)", _MODEL,
    ),
    Removal(
        "G47", "the deadline of what is deleted", _SQL,
        "(c.status IN ('delivered', 'missed', 'expired') AND c.expires_at < p_before)",
        "(c.status IN ('delivered', 'missed', 'expired'))", _MODEL,
    ),
    Removal(
        "G47", "the end of a range", _SQL,
        "c.ctid >= p_from AND c.ctid < p_to", "c.ctid >= p_from",
        f"{_TESTS}it_goes_through_the_whole_table_in_ranges",
    ),
    Removal(
        "G47", "the look into the outbox before a deletion", _SQL,
        "            AND NOT EXISTS (SELECT FROM device_console.outbox q WHERE q.command_id = c.command_id AND q.tenant_id = c.tenant_id)\n",
        "", _MODEL,
    ),
    Removal(
        "G47", "the look for kept answers before a deletion", _SQL,
        "            AND NOT EXISTS (SELECT FROM device_console.kept_answers a\n"
        "                            WHERE a.tenant_id = c.tenant_id AND a.command_id = c.command_id)\n",
        "", _MODEL,
    ),
    Removal(
        "G47", "the journal of a deleted command", _SQL,
        "    DELETE FROM device_console.journal j USING unnest(v_tenants, v_commands) AS i(tenant_id, command_id)\n"
        "    WHERE j.tenant_id = i.tenant_id AND j.command_id = i.command_id;\n",
        "", _MODEL,
    ),
    Removal(
        "G47", "the stop of a bulk send that lost a command", _SQL,
        "SET stopped_at = now(), stopped_by = 'retention'", "SET stopped_at = NULL",
        f"{_TESTS}a_bulk_send_that_lost_a_command_is_not_gone_on_with",
    ),
    Removal(
        "G47", "passing by a bulk send that is being committed", _SQL,
        "FOR UPDATE OF b SKIP LOCKED) l", "FOR UPDATE OF b) l",
        f"{_TESTS}a_bulk_send_that_is_being_committed_is_left_for_the_next_pass",
    ),
    Removal(
        "G47", "passing by commands that are locked", _SQL,
        "FOR UPDATE OF c SKIP LOCKED) o;", "FOR UPDATE OF c) o;",
        f"{_TESTS}what_another_session_has_locked_is_passed_by",
    ),
    Removal(
        "G47", "the short wait for a row beside a command", _SQL,
        "SET lock_timeout = '100ms'  -- shorter", "SET lock_timeout = '20s'  -- shorter",
        f"{_TESTS}a_row_beside_it_that_is_locked_is_waited_for_a_moment_only",
    ),
    Removal(
        "G47", "the one plan of a range", _SQL,
        "c.expires_at < p_before) IS TRUE", "c.expires_at < p_before)",
        f"{_TESTS}an_index_on_deadlines_is_not_read_for_each_range",
    ),
    Removal(
        "G47", "whose table it is", _SQL,
        "d.keep_s IS NOT NULL AND (m.is_own OR d.prunes_platform_table)", "d.keep_s IS NOT NULL",
        f"{_TESTS}a_platforms_rows_stay_unless_its_owner_allows_it",
    ),
    Removal(
        "G47", "the right to delete, of the workers alone", _SQL,
        "device_console.prune_range, device_console.prune_settled FROM PUBLIC", "device_console.prune_range FROM PUBLIC",
        f"{_TESTS}only_the_workers_role_may_delete_and_only_the_owner_may_set",
    ),
    Removal(
        "G47", "what the database refuses to delete", _SQL,
        "            refused := left(SQLERRM, 500);", "            RAISE;",
        f"{_TESTS}a_table_that_will_not_let_rows_go_keeps_them_and_says_why",
    ),
    Removal(
        "G47", "the sweep before the deletion", _PRUNER,
        "            if self._is_behind():\n                continue\n", "",
        f"{_TESTS}nothing_is_deleted_while_the_sweep_is_behind",
    ),
    Removal(
        "G47", "the time between two passes", _PRUNER,
        "retention == passed and self._clock.monotonic() < next_at", "False",
        f"{_TESTS}a_pass_ends_at_the_end_of_the_table_and_is_not_begun_again_at_once",
    ),
)  # fmt: skip
