"""What keeps one message, one row or one tenant from stopping the others."""

from tests.removals import Removal

_SQL = "migrations/912_fairer_dispatch.sql"
_ROWS = "tests/store/test_dispatch_fairness.py::test_"
_STREAM = "tests/mqtt/test_ack_stream.py::test_"
_BROKERS = "tests/guarantees/test_hostile_brokers.py::test_"

REMOVALS = (
    Removal(
        "G14",
        "the look at what is used of an answer that is too deep for a parser",
        "console/wire/ack_payloads.py",
        "        for name in _USED:\n",
        "        for name in ():\n",
        "tests/guarantees/test_fuzz_machine.py::test_an_answer_that_is_spoiled_step_by_step_is_read_exactly_or_refused",
    ),
    Removal(
        "G14",
        "the bound of a batch in bytes",
        "console/mqtt/ack_stream.py",
        "len(taken) < limit and size < MAX_BATCH_BYTES",
        "len(taken) < limit",
        f"{_STREAM}a_batch_is_bounded_in_bytes_too",
    ),
    Removal(
        "G15",
        "the topic in what a message counts",
        "console/mqtt/ack_stream.py",
        '    return len(message.topic) + len(message.payload) + len(message.correlation or b"") + _MESSAGE_BYTES\n',
        "    return len(message.payload)\n",
        f"{_STREAM}everything_that_a_message_holds_counts_towards_the_pause",
    ),
    Removal(
        "G8",
        "the count of equal problems in the claim",
        _SQL,
        "        GROUP BY 1, 2, 3, 4\n        ORDER BY 1, 2, 3, 4\n        ON CONFLICT",
        "        GROUP BY 1, 2, 3, 4, j.seq\n        ON CONFLICT",
        f"{_ROWS}ids_that_are_alike_once_they_are_cut_are_one_problem_and_stop_nobody",
    ),
    Removal(
        "G6",
        "the look at older rows of other writers",
        _SQL,
        "AND older.status = 'queued' AND older.published_at IS NULL",
        "AND false",
        f"{_ROWS}a_foreign_row_that_was_there_before_is_not_overtaken",
    ),
    Removal(
        "G6",
        "the creation of a row that is taken over",
        _SQL,
        "        SELECT c.tenant_id, c.command_id, c.device_id, c.created_at\n",
        "        SELECT c.tenant_id, c.command_id, c.device_id, now()\n",
        f"{_ROWS}the_order_of_what_is_taken_over_is_that_of_its_creation",
    ),
    Removal(
        "G8",
        "the row's own device",
        _SQL,
        "COALESCE(c.device_id, d.device_id) AS device_id",
        "d.device_id",
        f"{_ROWS}a_command_goes_to_the_device_of_its_row_whatever_the_outbox_says",
    ),
    Removal(
        "G8",
        "the turn of its own for what the link did not survive",
        "console/services/dispatcher.py",
        "        suspects = [command for command in claimed if command.attempt > _SIDE_BY_SIDE]\n",
        "        suspects: list[Claimed] = []\n",
        "tests/unit/test_dispatcher.py::test_what_makes_the_broker_hang_up_is_tried_alone_and_later_and_harms_only_itself",
    ),
    Removal(
        "G8",
        "the look at the broker's largest packet",
        "console/mqtt/publisher.py",
        "        return most > 0 and ",
        "        return most < 0 and ",
        f"{_BROKERS}101_a_command_beyond_the_brokers_largest_packet_is_told_and_holds_up_nobody",
    ),
    Removal(
        "G6",
        "the look at the broker's Receive Maximum",
        "console/runtime/workers.py",
        "window=min(limits.window, link.receive_maximum)",
        "window=limits.window",
        f"{_BROKERS}101_no_more_is_in_flight_than_the_broker_takes",
    ),
    Removal(
        "G2",
        "the lock of a batch against its stop",
        "console/store/queries/batch_insert.sql",
        "    FOR SHARE\n",
        "",
        "tests/store/test_batch_stop.py::test_a_stop_takes_back_the_piece_that_was_under_way",
    ),
    Removal(
        "G28",
        "the classes of what a server may say",
        "console/store/failures.py",
        "    if isinstance(error, asyncpg.PostgresError):\n",
        "    if isinstance(error, asyncpg.DataError):\n",
        "tests/unit/test_database_failures.py::test_every_error_of_the_server_is_a_sentence",
    ),
    Removal(
        "G14",
        "the one row of what belongs to no tenant",
        _SQL,
        "SELECT t.tenant_id IS NOT NULL OR i.kind = 'link' AS ours",
        "SELECT true AS ours",
        "tests/e2e/test_link_problems.py::test_what_belongs_to_no_tenant_is_one_row_that_names_nobody_and_everybody_sees",
    ),
    Removal(
        "G10",
        "the message to ourselves, where a subscription is granted that hears nothing",
        "console/mqtt/survey.py",
        "            return Trial(heard=await _heard(session, topic, mark))\n",
        "            return Trial(heard=True)\n",
        "tests/guarantees/test_doctor.py::test_what_the_brokers_access_rules_really_allow_is_tried",
    ),
    Removal(
        "G14",
        "the device id of our own look",
        "console/services/acknowledger.py",
        "        if route.device_id.startswith(PROBE):\n",
        "        if False:\n",
        "tests/guarantees/test_doctor.py::test_a_look_at_the_broker_is_no_problem_of_anybody",
    ),
    Removal(
        "G2",
        "the look at the batch in the claim",
        _SQL,
        "                         AND b.stopped_at IS NOT NULL)\n",
        "                         AND false)\n",
        "tests/store/test_batch_stop.py::test_what_of_a_stopped_batch_is_not_taken_back_yet_is_not_published",
    ),
)
