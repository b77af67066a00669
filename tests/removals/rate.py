"""What keeps a worker to the rate that it was given, and everybody in turn."""

from tests.removals import Removal

_RATE = "tests/guarantees/test_publish_rate.py::test_"

REMOVALS = (
    Removal(
        "G46",
        "the bound where a command is written",
        "console/services/flight.py",
        "        most = _PIECE if self._pace is None else min(_PIECE, self._pace.ready)\n",
        "        most = _PIECE\n",
        "tests/unit/test_dispatcher.py::test_what_is_claimed_goes_out_at_its_pace",
    ),
    Removal(
        "G46",
        "the claim of no more than can go soon",
        "console/services/dispatcher.py",
        "        return min(window - flight.size, pace.room(flight.waiting))\n",
        "        return window - flight.size\n",
        f"{_RATE}no_span_has_more_than_the_rate_and_a_burst",
    ),
    Removal(
        "G46",
        "one bucket for all links of a worker",
        "console/runtime/workers.py",
        "                self._pace,\n",
        "                self._pace and Pace(self._pace.per_s, self._clock.monotonic),\n",
        f"{_RATE}a_new_link_begins_no_new_burst",
    ),
    Removal(
        "G46",
        "the turns that begin behind the tenant that was last",
        "console/services/held_commands.py",
        '        self._served = claimed[-1].tenant_id if claimed else ""\n',
        "",
        f"{_RATE}tenants_take_turns_although_few_are_claimed_at_once",
    ),
    Removal(
        "G46",
        "the size of a burst",
        "console/domain/pace.py",
        "        self._tokens = min(self._most, self._tokens + (now - self._looked_at) * self.per_s)\n",
        "        self._tokens += (now - self._looked_at) * self.per_s\n",
        "tests/unit/test_pace.py::test_no_span_of_time_has_more_than_its_rate_and_a_burst",
    ),
    Removal(
        "G46",
        "the setting",
        "console/runtime/startup.py",
        "        publish_rate=settings.publish_rate,\n",
        "",
        f"{_RATE}the_end_does_not_wait_for_the_rate",
    ),
)
