"""What answers and the sweep rest on."""

from tests.removals import Removal

_MODEL = "tests/guarantees/test_model.py::test_every_history_of_a_command_is_what_the_contract_says"
_HERE = "tests/guarantees/test_settling.py::test_"
_WRITERS = "tests/guarantees/test_writers.py::test_"
_STORE = "tests/store/test_settling.py::test_"
_SQL = "migrations/902_settle_functions.sql"
_ANSWERS = "migrations/930_answers.sql"
_SWEEP = "migrations/923_fair_sweep.sql"

_DUE_AND_SETTLED = """\
        WHERE c.ctid = ANY (p_rows) AND c.status = 'queued' AND c.expires_at <= p_until
          AND (c.acked_at IS NOT NULL OR NOT EXISTS (
              SELECT FROM device_console.outbox o
              WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id
                AND o.holder IS NOT NULL AND o.due_at > now()))
          AND NOT EXISTS (SELECT FROM device_console.kept_answers k
                          WHERE k.tenant_id = c.tenant_id AND k.command_id = c.command_id)
        ORDER BY c.expires_at
        LIMIT p_most
        FOR UPDATE OF c SKIP LOCKED
    ), waiting AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id FROM device_console.outbox o
        JOIN due d ON d.tenant_id = o.tenant_id AND d.command_id = o.command_id
        FOR UPDATE OF o SKIP LOCKED
    ), settled AS (
        UPDATE public.device_commands c
        SET status = CASE WHEN c.acked_at IS NOT NULL THEN 'delivered'
                          WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END,
            published_at = COALESCE(c.published_at, c.acked_at)
        FROM due d
        WHERE c.ctid = d.row_id AND c.status = 'queued'
"""

_ANSWERED = "tests/store/test_answers.py::test_"

REMOVALS = (
    Removal(
        "G11",
        "acked_at as what counts as answered, in the answers",
        _ANSWERS,
        "               c.status = 'delivered' OR c.acked_at IS NOT NULL AS is_answered,\n",
        "               c.status = 'delivered' AS is_answered,\n",
        f"{_ANSWERED}what_another_program_writes_back_never_unsays_an_answer",
    ),
    Removal(
        "G11",
        "acked_at as what counts as answered, in the phase",
        _ANSWERS,
        "           WHEN c.status = 'delivered' OR c.acked_at IS NOT NULL AND c.status IN ('queued', 'missed', 'expired')\n",
        "           WHEN c.status = 'delivered'\n",
        f"{_ANSWERED}what_another_program_writes_back_never_unsays_an_answer",
    ),
    Removal(
        "G11",
        "the healing of a row that was called queued again",
        _ANSWERS,
        "          AND b.is_answered AND c.status IN ('queued', 'missed', 'expired')\n",
        "          AND false\n",
        f"{_ANSWERED}a_second_answer_heals_an_answered_row_whatever_it_is_called",
    ),
    Removal(
        "G11",
        "the same form of both answers",
        _ANSWERS,
        "CASE WHEN b.is_answered THEN device_console.plain_answer(b.ack_details) END",
        "CASE WHEN b.is_answered THEN b.ack_details END",
        f"{_ANSWERED}an_answer_that_another_program_took_first_is_compared_by_what_it_says",
    ),
    Removal(
        "G11",
        "the bound of a stored status before it becomes text",
        "migrations/941_unsafe_in_parallel.sql",
        "device_console.json_bytes(answer -> 'status', 65536) <= 65536",
        "true",
        f"{_ANSWERED}an_answer_to_a_status_that_is_huge_as_text_is_a_conflict",
    ),
    Removal(
        "G11",
        "the entry for a later answer that differs",
        _ANSWERS,
        "        WHERE v.outcome = 'conflict'\n",
        "        WHERE v.outcome = 'x'\n",
        f"{_ANSWERED}a_later_answer_that_differs_is_shown_with_the_command",
    ),
    Removal(
        "G13",
        "the publication that progress proves",
        _ANSWERS,
        "        SET published_at = clock_timestamp()\n",
        "        SET published_at = c.published_at\n",
        f"{_ANSWERED}progress_proves_the_publication_and_is_not_the_end",
    ),
    Removal(
        "G11",
        "the words of progress",
        "console/services/acknowledger.py",
        "            folded_word(payload.word) in self._progress,\n",
        "            False,\n",
        f"{_ANSWERED}a_word_is_an_end_or_progress",
    ),
    Removal(
        "G14",
        "the twenty entries that a command keeps of its progress",
        _ANSWERS,
        "    PERFORM device_console.keep_newest(p_tenants, p_commands, 'progress');\n",
        "",
        f"{_ANSWERED}the_journal_keeps_the_newest_twenty_of_each_kind",
    ),
    Removal(
        "G14",
        "the dropping of what stands around an answer",
        "console/wire/ack_payloads.py",
        "    text = whole.strip(_PADDING)\n",
        "    text = whole\n",
        "tests/unit/test_wire.py::test_what_firmware_puts_around_an_answer_does_not_lose_it",
    ),
    Removal(
        "G14",
        "the reason in the key of a problem without a command",
        "console/store/problems.py",
        "        [_storable(p.key) for p in problems],\n",
        "        [_storable(p.command_id) for p in problems],\n",
        f"{_ANSWERED}each_reason_why_answers_of_a_device_are_malformed_is_a_row",
    ),
    Removal(
        "G14",
        "the sum of an answer's digits",
        "console/wire/ack_payloads.py",
        "        digits += number.length\n",
        "",
        "tests/unit/test_wire.py::test_an_answer_of_a_few_bytes_is_not_written_out_as_megabytes",
    ),
    Removal(
        "G10",
        "the Correlation Data of an answer",
        "console/mqtt/ack_stream.py",
        '        data = getattr(getattr(message, "properties", None), "CorrelationData", None)\n',
        "        data = None\n",
        "tests/e2e/test_answers_over_mqtt.py::test_an_answer_that_returns_our_correlation_data_needs_no_command_id",
    ),
    Removal(
        "G8",
        "the size that counts at publication",
        "console/domain/json_size.py",
        "    return _size(json.loads(text, parse_int=written, parse_float=written))\n",
        "    return len(text.encode())\n",
        "tests/store/test_sizes.py::test_what_is_accepted_at_send_is_never_parked_at_publication",
    ),
    Removal(
        "G5",
        "the outbox row that a cancel takes",
        "console/store/queries/command_cancel.sql",
        "    FROM target t\n    JOIN taken USING (command_id)\n",
        "    FROM target t\n",
        f"{_ANSWERED}what_another_program_wrote_and_nobody_took_over_is_not_called_cancelled",
    ),
    Removal(
        "G11",
        "the device in the key of the batch",
        _ANSWERS,
        "SELECT DISTINCT ON (i.tenant_id, i.command_id, i.device_id) i.*\n"
        "        FROM input i ORDER BY i.tenant_id, i.command_id, i.device_id, i.n",
        "SELECT DISTINCT ON (i.tenant_id, i.command_id) i.*\n"
        "        FROM input i ORDER BY i.tenant_id, i.command_id, i.n",
        f"{_STORE}a_forged_ack_in_the_same_batch_never_suppresses_the_real_one",
    ),
    Removal(
        "G11",
        "the addressed device in the join",
        _ANSWERS,
        "                                     AND c.device_id = f.device_id\n",
        "",
        _MODEL,
    ),
    Removal(
        "G11",
        "the old status in the WHERE of the ACK",
        _ANSWERS,
        "AND c.status IN ('queued', 'missed', 'expired') AND NOT b.is_answered",
        "AND true",
        _MODEL,
    ),
    Removal(
        "G12",
        "the answer after the sweep",
        _ANSWERS,
        "AND c.status IN ('queued', 'missed', 'expired') AND NOT b.is_answered",
        "AND c.status = 'queued' AND NOT b.is_answered",
        f"{_STORE}a_late_ack_is_accepted_before_and_after_the_sweep",
    ),
    Removal(
        "G13",
        "the publication that an answer proves",
        _ANSWERS,
        "            published_at = COALESCE(c.published_at, v_now)\n",
        "            published_at = c.published_at\n",
        f"{_STORE}the_first_ack_wins_and_proves_the_publication",
    ),
    Removal(
        "G14",
        "the halving of the batch",
        "console/services/acknowledger.py",
        "            if len(acks) <= 1:",
        "            if len(acks) <= BATCH:",
        f"{_HERE}one_answer_that_only_the_database_refuses_does_not_stop_the_other_499",
    ),
    Removal(
        "G14",
        "the readers own error for what cannot be read",
        "console/services/acknowledger.py",
        "        except AckError as error:\n"
        '            return None, [self._problem(route, ProblemKind.MALFORMED_ACK, "", str(error), error.reason)]\n'
        "        except Exception as error:",
        "        except ZeroDivisionError as error:",
        "tests/e2e/test_channel.py::test_a_poisonous_message_never_stops_the_flow",
    ),
    Removal(
        "G17",
        "the queued status in the sweep's UPDATE and in what it looks at",
        _SWEEP,
        _DUE_AND_SETTLED,
        _DUE_AND_SETTLED.replace("c.status = 'queued'", "c.status <> 'x'"),
        f"{_STORE}four_sweepers_and_four_ackers_count_every_row_once",
    ),
    Removal(
        "G18",
        "the comparison with the deadline",
        _SWEEP,
        "    v_until   TIMESTAMPTZ := now();\n",
        "    v_until   TIMESTAMPTZ := 'infinity';\n",
        _MODEL,
    ),
    Removal(
        "G18",
        "the split by published_at",
        _SWEEP,
        "WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END",
        "WHEN c.published_at IS NULL THEN 'missed' ELSE 'missed' END",
        _MODEL,
    ),
    Removal(
        "G18",
        "the respect for a live lease",
        _SWEEP,
        "                AND o.holder IS NOT NULL AND o.due_at > now()))\n",
        "                AND false))\n",
        f"{_STORE}a_row_under_a_live_lease_is_not_swept_before_the_lease_ends",
    ),
    Removal(
        "G19",
        "SKIP LOCKED",
        _SWEEP,
        "        FOR UPDATE OF c SKIP LOCKED\n",
        "        FOR UPDATE OF c\n",
        f"{_HERE}the_sweep_goes_past_rows_that_someone_holds_and_past_an_old_snapshot",
    ),
    Removal(
        "G19",
        "the limit of a batch",
        _SWEEP,
        "        v_left := LEAST(v_share, p_limit - missed - expired - healed);\n",
        "        v_left := 1000 * p_limit;\n",
        f"{_HERE}a_batch_of_the_sweep_is_bounded_and_committed_by_itself",
    ),
    Removal(
        "G20",
        "the order of the locks",
        _ANSWERS,
        "    ORDER BY c.tenant_id, c.command_id\n    FOR UPDATE OF c;\n\n    -- one instant",
        "    ORDER BY array_position(p_commands, c.command_id)\n    FOR UPDATE OF c;\n\n    -- one instant",
        f"{_HERE}writers_in_opposite_orders_never_deadlock",
    ),
    Removal(
        "G21",
        "the sleep to the next deadline",
        "console/services/sweeper.py",
        "            rest_s = min(due, _LONGEST_REST_S)",
        "            rest_s = _LONGEST_REST_S",
        f"{_HERE}the_sweep_wakes_at_the_next_deadline",
    ),
    Removal(
        "G19",
        "the cursor of a pass",
        "console/services/sweeper.py",
        "            cursor = batch.cursor\n",
        "",
        f"{_WRITERS}each_batch_of_a_pass_begins_where_the_last_one_ended",
    ),
    Removal(
        "G20",
        "the commands before the outbox in the mark",
        "migrations/901_dispatch_functions.sql",
        "    ORDER BY c.tenant_id, c.command_id\n    FOR UPDATE OF c;\n",
        "    LIMIT 0;\n",
        f"{_WRITERS}no_two_writers_in_opposite_orders_deadlock",
    ),
    Removal(
        "G20",
        "the command before the outbox in a cancel",
        "console/store/queries/command_cancel.sql",
        "    FOR UPDATE OF c\n",
        "",
        f"{_WRITERS}no_two_writers_in_opposite_orders_deadlock",
    ),
    Removal(
        "G20",
        "the order of the locks in stopping a batch",
        "console/store/queries/batch_cancel.sql",
        "    ORDER BY c.command_id\n    LIMIT $4\n    FOR UPDATE OF c SKIP LOCKED\n",
        "    ORDER BY c.command_id DESC\n    LIMIT $4\n    FOR UPDATE OF c\n",
        f"{_WRITERS}no_two_writers_in_opposite_orders_deadlock",
    ),
    Removal(
        "G13",
        "the mark that leaves the status alone",
        "migrations/901_dispatch_functions.sql",
        "        SET published_at = CASE WHEN c.acked_at IS NULL THEN clock_timestamp()\n",
        "        SET status = 'queued', published_at = CASE WHEN c.acked_at IS NULL THEN clock_timestamp()\n",
        "tests/store/test_dispatch_rows.py::test_the_mark_never_writes_the_status",
    ),
    Removal(
        "G21",
        "the figure of the lateness",
        _SWEEP,
        "           COALESCE(extract(epoch FROM clock_timestamp() - min(s.expires_at) FILTER (\n"
        "               WHERE s.expires_at > '2000-01-01' AND s.status <> 'delivered')), 0)::double precision\n",
        "           0::double precision\n",
        f"{_HERE}lateness_is_told",
    ),
    Removal(
        "G21",
        "the second that a rest takes at most",
        "console/services/sweeper.py",
        "_LONGEST_REST_S = 1.0",
        "_LONGEST_REST_S = 60.0",
        f"{_HERE}the_sweep_wakes_at_the_next_deadline",
    ),
)
