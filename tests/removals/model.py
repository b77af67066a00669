"""What the life of a command rests on, and what keeps writers from waiting for each other for ever."""

from tests.removals import Removal

_HERE = "tests/guarantees/test_lock_order.py::test_"
_LINKS = "tests/guarantees/test_hostile_links.py::test_"

REMOVALS = (
    Removal(
        "G12",
        "the journal's entry of an answer that is only recorded",
        "migrations/repeatable/80_answers.sql",
        "                v_became[n] := 'r';\n",
        "                NULL;\n",
        "tests/store/test_settling.py::test_record_only_keeps_the_status_and_the_ack_goes_to_the_journal",
    ),
    Removal(
        "G11",
        "the old status in the WHERE of the ACK, against copies",
        "migrations/repeatable/80_answers.sql",
        "          AND c.status || '' = 'queued' AND c.acked_at IS NULL AND (p",
        "          AND (p",
        f"{_LINKS}35_the_same_message_sent_again_with_the_dup_flag_is_one_answer",
    ),
    Removal(
        "G14",
        "the reader's own error for a topic",
        "console/services/ack_reader.py",
        "            except TopicError as error:",
        "            except AckError as error:",
        f"{_LINKS}bytes_that_no_library_sends_touch_no_command_and_drop_no_link",
    ),
    Removal(
        "G28",
        "the reason of a hang-up without a word",
        "console/mqtt/link_errors.py",
        "    if code == _UNSPECIFIED:",
        "    if False:",
        f"{_LINKS}49_a_stranger_with_our_client_id_is_told_and_no_war_follows",
    ),
    Removal(
        "G14",
        "the number of levels of a topic",
        "console/wire/topics.py",
        "    if len(levels) != _LEVELS or (levels[0], levels[2], levels[4:]) != (\n",
        "    if len(levels) < _LEVELS or (levels[0], levels[2], levels[4:6]) != (\n",
        "tests/guarantees/test_fuzz_wire.py::test_a_topic_that_is_nearly_ours_is_read_exactly_or_refused",
    ),
    Removal(
        "G12",
        "one rule for the ids of commands and answers",
        "console/wire/topics.py",
        "    return Route(tenant_id, device_id)\n",
        "    if not topic.isprintable():\n        raise TopicError('invisible')\n    return Route(tenant_id, device_id)\n",
        "tests/guarantees/test_fuzz_wire.py::"
        "test_every_id_that_may_be_used_makes_a_topic_that_reads_back_as_itself",
    ),
    Removal(
        "G20",
        "SKIP LOCKED in giving leases back",
        "migrations/repeatable/60_dispatch.sql",
        "        WHERE o.holder = p_holder\n        FOR UPDATE OF o SKIP LOCKED\n",
        "        WHERE o.holder = p_holder\n        FOR UPDATE OF o\n",
        f"{_HERE}a_lease_given_back_too_late_never_deadlocks_with_the_sweep",
    ),
    Removal(
        "G20",
        "SKIP LOCKED in the trimming of problems",
        "migrations/repeatable/30_problems.sql",
        "        FOR UPDATE OF p SKIP LOCKED\n",
        "",
        f"{_HERE}trimming_the_problems_never_deadlocks_with_counting_them",
    ),
)
