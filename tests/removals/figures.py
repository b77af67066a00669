"""What the figures rest on."""

from tests.removals import Removal

_FOLD = "migrations/repeatable/85_figures.sql"
_HERE = "tests/guarantees/test_counting.py::test_"
_STORE = "tests/store/test_figures.py::test_"
_PLANS = "tests/store/test_figure_plans.py::test_"
_BOUNDS = "tests/store/test_figure_bounds.py::test_"

REMOVALS = (
    Removal(
        "G48",
        "the events taken out as they are counted",
        _FOLD,
        "        DELETE FROM device_console.ended_events e WHERE e.event_id = ANY (p_ended)\n"
        "        RETURNING e.event_id, e.tenant_id, e.outcome, e.ended_at, e.command_ids,\n"
        "                  date_trunc('minute', e.ended_at, 'UTC') AS minute, date_trunc('hour', e.ended_at, 'UTC') AS hour\n",
        "        SELECT e.event_id, e.tenant_id, e.outcome, e.ended_at, e.command_ids,\n"
        "               date_trunc('minute', e.ended_at, 'UTC') AS minute, date_trunc('hour', e.ended_at, 'UTC') AS hour\n"
        "        FROM device_console.ended_events e WHERE e.event_id = ANY (p_ended)\n",
        f"{_HERE}two_folders_that_meet_count_each_event_once",
    ),
    Removal(
        "G48",
        "the events of sends taken out as they are counted",
        _FOLD,
        "        DELETE FROM device_console.sent_events s WHERE s.event_id = ANY (p_sent) RETURNING s.tenant_id, s.sent_at, s.sent\n",
        "        SELECT s.tenant_id, s.sent_at, s.sent FROM device_console.sent_events s WHERE s.event_id = ANY (p_sent)\n",
        f"{_STORE}publications_are_counted_when_the_broker_takes_them",
    ),
    Removal(
        "G48",
        "one order of the tenants",
        _FOLD,
        "    ORDER BY t.tenant_id\n",
        "    ORDER BY (SELECT min(e.event_id) FROM device_console.ended_events e\n"
        "              WHERE e.tenant_id = t.tenant_id AND e.event_id = ANY (p_ended))\n",
        f"{_HERE}folds_take_the_tenants_in_one_order",
    ),
    Removal(
        "G48",
        "plain reads of the commands",
        _FOLD,
        "            ORDER BY d.tenant_id, d.command_id LIMIT 1\n        ) c\n",
        "            ORDER BY d.tenant_id, d.command_id LIMIT 1 FOR SHARE\n        ) c\n",
        f"{_HERE}a_fold_never_waits_for_a_command_and_nobody_waits_for_a_fold",
    ),
    Removal(
        "G48",
        "the tallies added to what is counted already",
        _FOLD,
        "DO UPDATE SET ended = device_console.added(known.ended, excluded.ended)\n    ), learned",
        "DO UPDATE SET ended = excluded.ended\n    ), learned",
        f"{_HERE}what_ended_is_counted_once_whoever_is_killed",
    ),
    Removal(
        "G48",
        "all of a batch in the totals, beyond the two hundred that stand for it",
        _FOLD,
        "        CROSS JOIN LATERAL unnest(i.command_ids) AS u(command_id)\n",
        "        CROSS JOIN LATERAL unnest(i.command_ids[:200]) AS u(command_id)\n",
        f"{_BOUNDS}two_hundred_of_a_batch_stand_for_it_and_all_are_counted",
    ),
    Removal(
        "G48",
        "the two hundred that stand for a batch",
        _FOLD,
        "        WHERE b.n <= 200\n",
        "",
        f"{_BOUNDS}two_hundred_of_a_batch_stand_for_it_and_all_are_counted",
    ),
    Removal(
        "G48",
        "the events one by one, where one stops all",
        _FOLD,
        "        IF device_console.concerns_all(SQLSTATE) OR SQLSTATE = '55P03' THEN\n            RAISE;\n        END IF;\n    END;\n    FOR",
        "        RAISE;\n    END;\n    FOR",
        f"{_BOUNDS}an_event_that_cannot_be_counted_stops_no_other",
    ),
    Removal(
        "G48",
        "the miss that is forgotten when the answer comes",
        _FOLD,
        "            WHERE e.place = 3 AND o.tenant_id",
        "            WHERE false AND o.tenant_id",
        f"{_STORE}an_answer_after_the_miss_is_one_more_end_and_no_longer_recent",
    ),
    Removal(
        "G48",
        "the bound on names",
        _FOLD,
        "h.kind = n.kind) <= 500 THEN n.name\n",
        "h.kind = n.kind) <= 500000 THEN n.name\n",
        f"{_BOUNDS}at_most_five_hundred_names_of_a_kind_are_kept_for_an_hour",
    ),
    Removal(
        "G48",
        "the trimming of recent ends",
        _FOLD,
        "            DELETE FROM device_console.recent_ends d\n            WHERE d.ctid",
        "            DELETE FROM device_console.recent_ends d\n            WHERE false AND d.ctid",
        f"{_BOUNDS}the_newest_five_thousand_stay",
    ),
    Removal(
        "G48",
        "the first look at what was left behind",
        "console/services/folder.py",
        "        self._woken.set()  # for what was left behind at the last end\n",
        "",
        f"{_BOUNDS}a_folder_counts_what_was_left_behind_and_what_it_is_woken_for",
    ),
    Removal(
        "G48",
        "the rest until there are events",
        "console/services/folder.py",
        "            await self._woken.wait()\n",
        "",
        "tests/unit/test_folder.py::test_it_looks_once_at_the_beginning_and_then_only_when_it_is_woken",
    ),
    Removal(
        "G48",
        "row-level security of the figures",
        "migrations/909_figures.sql",
        "ALTER TABLE device_console.recent_ends ENABLE ROW LEVEL SECURITY;\n",
        "",
        f"{_STORE}another_tenant_sees_none_of_it",
    ),
    Removal(
        "G48",
        "the look whether it was answered before the miss was counted",
        _FOLD,
        "                   i.outcome IN ('missed', 'expired') AND c.acked_at IS NULL AS is_open\n",
        "                   i.outcome IN ('missed', 'expired') AS is_open\n",
        f"{_STORE}an_answer_after_the_miss_is_one_more_end_and_no_longer_recent",
    ),
    Removal(
        "G48",
        "the members of bulk sends as read by their key",
        _FOLD,
        "            WHERE (s.tenant_id, s.command_id) >= (b.tenant_id, b.command_id)\n"
        "            ORDER BY s.tenant_id, s.command_id LIMIT 1\n",
        "            WHERE s.tenant_id = b.tenant_id AND s.command_id = b.command_id\n",
        f"{_PLANS}the_fold_costs_the_same_on_tables_that_grew",
    ),
    Removal(
        "G48",
        "the names that are known as looked up one by one",
        _FOLD,
        "(SELECT true FROM device_console.hour_groups h  -- no EXISTS, which might read the whole table once\n",
        "ARRAY[g.name] <@ (SELECT array_agg(h.name) FROM device_console.hour_groups h) AND (SELECT true FROM device_console.hour_groups h\n",
        f"{_PLANS}the_fold_costs_the_same_on_tables_that_grew",
    ),
    Removal(
        "G48",
        "the hint of answers that wakes the fold",
        "console/runtime/workers.py",
        "        if channel == COMMANDS_CHANNEL:\n            self._uncounted.set()\n",
        "",
        "tests/e2e/test_channel.py::test_what_answers_while_nothing_else_happens_is_counted_soon",
    ),
)
