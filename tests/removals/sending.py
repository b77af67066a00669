"""What keeps a sent command from being lost, doubled, late or in the way."""

from tests.removals import Removal

_SENDING = "tests/guarantees/test_sending.py::test_"
_DISPATCHING = "tests/guarantees/test_dispatching.py::test_"
_CLOCKS = "tests/guarantees/test_clocks.py::test_"
_UNIT = "tests/unit/test_dispatcher.py::test_"

REMOVALS = (
    Removal(
        "G1",
        "the commit before the return",
        "console/store/pool.py",
        "                await transaction.commit()\n",
        "                await (transaction.rollback() if tenant_id else transaction.commit())\n",
        f"{_SENDING}a_send_that_returned_is_never_lost",
    ),
    Removal(
        "G2",
        "the id made before the INSERT",
        "console/services/sender.py",
        "                    raise\n        return frozenset()",
        "                    raise\n                drafts = [replace(d, command_id=str(uuid.uuid4())) for d in drafts]\n"
        "        return frozenset()",
        f"{_SENDING}a_retried_send_never_makes_a_second_command",
    ),
    Removal(
        "G3",
        "the outbox row in the command's transaction",
        "console/store/queries/commands_insert.sql",
        "JOIN input i USING (command_id) ORDER BY i.n\n",
        "JOIN input i USING (command_id) WHERE false ORDER BY i.n\n",
        f"{_SENDING}a_crash_between_commit_and_publish_leaves_the_command_to_any_live_process",
    ),
    Removal(
        "G4",
        "the reason code of the PUBACK",
        "console/services/dispatcher.py",
        "        if answer.accepted:",
        "        if answer is not None:",
        f"{_SENDING}published_means_that_the_broker_took_it",
    ),
    Removal(
        "G4",
        "the last round after the link broke",
        "console/runtime/workers.py",
        "        await asyncio.wait((relaying, watching), return_when=asyncio.FIRST_COMPLETED)\n"
        "        dispatcher.end()\n        await relaying\n",
        "        await asyncio.wait((relaying, watching), return_when=asyncio.FIRST_COMPLETED)\n",
        f"{_SENDING}published_means_that_the_broker_took_it",
    ),
    Removal(
        "G5",
        "the new connection after a time-out",
        "console/services/dispatcher.py",
        "            self._link_error = error\n",
        "",
        f"{_SENDING}an_unanswered_publish_is_unknown_and_costs_at_most_one_copy",
    ),
    Removal(
        "G6",
        "the lease",
        "migrations/912_fairer_dispatch.sql",
        "WHEN j.verdict = 'ready' THEN now() + p_lease",
        "WHEN j.verdict = 'ready' THEN now()",
        f"{_SENDING}four_dispatchers_publish_each_command_once_and_in_order",
    ),
    Removal(
        "G6",
        "the wait for the device's earlier command",
        "migrations/912_fairer_dispatch.sql",
        "AND (earlier.created_at, earlier.seq) < (o.created_at, o.seq) AND earlier.due_at < 'infinity'",
        "AND false",
        f"{_SENDING}four_dispatchers_publish_each_command_once_and_in_order",
    ),
    Removal(
        "G7",
        "the Message Expiry Interval",
        "console/mqtt/publisher.py",
        "        if expiry_s is not None:",
        "        if expiry_s is None:",
        f"{_SENDING}a_sleeping_device_gets_no_stale_command",
    ),
    Removal(
        "G7",
        "the look at the deadline",
        "migrations/912_fairer_dispatch.sql",
        "                   WHEN c.expires_at < now() + interval '1 second' THEN 'too late'\n",
        "",
        "tests/store/test_dispatch_rows.py::test_less_than_a_second_of_ttl_is_never_claimed",
    ),
    Removal(
        "G8",
        "the check of the device id in the claim",
        "migrations/912_fairer_dispatch.sql",
        "                   WHEN NOT device_console.id_is_routable(c.device_id) THEN 'the device id cannot be routed'\n",
        "",
        "tests/store/test_dispatch_rows.py::test_an_unroutable_row_is_parked_and_blocks_nobody",
    ),
    Removal(
        "G7",
        "the second look at the deadline",
        "console/services/dispatcher.py",
        "        if left_s < _MIN_LEFT_S:",
        "        if left_s < -1e9:",
        f"{_UNIT}time_lost_between_claim_and_publish_counts",
    ),
    Removal(
        "G8",
        "the second look at the topic",
        "console/services/dispatcher.py",
        "        except TopicError as error:",
        "        except ZeroDivisionError as error:",
        f"{_UNIT}an_id_that_the_database_let_pass_is_a_problem_and_no_crash",
    ),
    Removal(
        "G9",
        "the command id in Correlation Data",
        "console/mqtt/publisher.py",
        "        properties.CorrelationData = command_id.encode()\n",
        "        properties.CorrelationData = uuid.uuid4().bytes\n",
        f"{_SENDING}every_copy_is_the_same_message_so_that_a_device_can_act_once",
    ),
    Removal(
        "G9",
        "QoS 1, not retained",
        "console/mqtt/publisher.py",
        "self._session.paho.publish(topic, payload, QOS, False, properties)",
        "self._session.paho.publish(topic, payload, QOS, True, properties)",
        f"{_SENDING}every_copy_is_the_same_message_so_that_a_device_can_act_once",
    ),
    Removal(
        "G18",
        "the seconds left by the database's clock",
        "console/services/dispatcher.py",
        "        left_s = command.seconds_left - (self._clock.monotonic() - asked_at)\n",
        "        today = __import__('datetime').datetime.now(command.expires_at.tzinfo)\n"
        "        left_s = (command.expires_at - today).total_seconds()\n",
        f"{_CLOCKS}a_worker_whose_clock_is_a_day_off_publishes_settles_and_acknowledges_in_time",
    ),
    Removal(
        "G2",
        "the ids that follow from batch and device",
        "console/domain/batches.py",
        "        return str(uuid.uuid5(uuid.UUID(self.batch_id), device_id))",
        "        return str(uuid.uuid4())",
        f"{_DISPATCHING}a_bulk_send_whose_replies_are_lost_makes_each_command_once",
    ),
    Removal(
        "G4",
        "the telling of a refusal",
        "console/services/dispatcher.py",
        "        await self._tell(command, ProblemKind.REFUSED_PUBLISH, text)\n",
        "",
        f"{_DISPATCHING}a_refusal_and_its_reason_stand_where_an_operator_looks",
    ),
    Removal(
        "G5",
        "the wait for the PUBACK",
        "console/mqtt/publisher.py",
        "        if info.mid in self._early:",
        "        if info.mid not in self._early:\n            return Puback(0)\n        if info.mid in self._early:",
        f"{_DISPATCHING}a_broker_killed_in_the_middle_of_a_publish_costs_at_most_one_copy",
    ),
    Removal(
        "G7",
        "the second look at the deadline, after a pause",
        "console/services/dispatcher.py",
        "        if left_s < _MIN_LEFT_S:",
        "        if (left_s := max(left_s, 60.0)) < _MIN_LEFT_S:",
        f"{_DISPATCHING}a_dispatcher_that_was_paused_past_a_deadline_publishes_nothing",
    ),
)
