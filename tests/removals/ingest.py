"""What keeps an answer that the broker took."""

from tests.removals import Removal

REMOVALS = (
    Removal(
        "G10",
        "PUBACKs of our own",
        "console/mqtt/session.py",
        "        client._client.manual_ack_set(True)  # noqa: SLF001 - PUBACK is sent after the commit\n",
        "",
        "tests/guarantees/test_ingest.py::test_no_answer_that_the_broker_took_is_lost_when_everything_dies",
    ),
    Removal(
        "G10",
        "the commit before the PUBACK",
        "console/services/acknowledger.py",
        "        acks, problems = await self._read(messages)\n",
        "        await self._stream.acknowledge(messages)\n        acks, problems = await self._read(messages)\n",
        "tests/guarantees/test_ingest.py::test_no_answer_that_the_broker_took_is_lost_when_everything_dies",
    ),
    Removal(
        "G11",
        "the old status in the WHERE of the ACK, while everything dies",
        "migrations/930_answers.sql",
        "AND c.status IN ('queued', 'missed', 'expired') AND NOT b.is_answered",
        "AND true",
        "tests/guarantees/test_ingest.py::test_no_answer_that_the_broker_took_is_lost_when_everything_dies",
    ),
    Removal(
        "G15",
        "the pause in reading",
        "console/mqtt/ack_stream.py",
        "            self._live.pause_reading()\n",
        "",
        "tests/guarantees/test_ingest.py::test_a_database_that_hangs_costs_bounded_memory_and_no_answer",
    ),
    Removal(
        "G15",
        "the pause in reading, within one connection",
        "console/mqtt/ack_stream.py",
        "            self._live.pause_reading()\n",
        "",
        "tests/mqtt/test_ack_stream.py::test_a_backlog_beyond_what_may_wait_is_taken_piece_by_piece",
    ),
    Removal(
        "G15",
        "taking batches while the SUBACK is on its way",
        "console/runtime/ingest.py",
        "            await first_to_fail(acknowledger.run(), self._subscribe(stream, plan, slot))",
        "            await stream.subscribe()\n"
        "            await first_to_fail(acknowledger.run(), self._subscribe(stream, plan, slot))",
        "tests/guarantees/test_ingest.py::test_a_database_that_hangs_costs_bounded_memory_and_no_answer",
    ),
    Removal(
        "G16",
        "the successor in a dead member's session",
        "console/runtime/ingest.py",
        "            if self._free_looks[slot] < _PATIENCE:\n                return False\n",
        "            return False\n",
        "tests/guarantees/test_sharing_ingest.py::test_a_killed_members_answers_are_taken_over",
    ),
    Removal(
        "G16",
        "the fixed client id of a slot",
        "console/mqtt/ack_stream.py",
        '    suffix = f"-{slot}" if slot else ""\n',
        "    suffix = f\"-{slot}-{id(object())}-{__import__('os').getpid()}\"\n",
        "tests/guarantees/test_sharing_ingest.py::test_a_killed_members_answers_are_taken_over",
    ),
    Removal(
        "G16",
        "the emptying of a slot that is given up",
        "console/runtime/ingest.py",
        "            await self._empty_one(locks, plan)\n",
        "",
        "tests/guarantees/test_sharing_ingest.py::test_a_newcomer_gets_a_slot_and_fewer_slots_lose_nothing",
    ),
    Removal(
        "G16",
        "the slot for a newcomer",
        "console/runtime/ingest.py",
        "            await self._give_to_newcomers(locks)\n",
        "",
        "tests/guarantees/test_sharing_ingest.py::test_a_newcomer_gets_a_slot_and_fewer_slots_lose_nothing",
    ),
    Removal(
        "G10",
        "the session that outlives us",
        "console/mqtt/session.py",
        "        clean_start=(not persistent) if v5 else 3,\n",
        "        clean_start=True if v5 else 3,\n",
        "tests/mqtt/test_ack_stream.py::test_what_was_not_acknowledged_comes_again",
    ),
    Removal(
        "G16",
        "the lock on a slot",
        "console/store/changes.py",
        '        return bool(await self._ask(f"SELECT {function}($1::integer, $2::integer)", key))\n\n'
        "    async def give",
        '        return await self._ask(f"SELECT {function}($1::integer, $2::integer)", key) is not None\n\n'
        "    async def give",
        "tests/guarantees/test_sharing_ingest.py::test_a_newcomer_gets_a_slot_and_fewer_slots_lose_nothing",
    ),
)
