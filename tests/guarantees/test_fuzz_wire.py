"""Topics that are nearly ours: whatever is read can be written back, byte for byte, and nothing else is read."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.domain.identifiers import id_fault
from console.wire.topics import Route, TopicError, ack_topic, parse_ack_topic

_ids = st.text(
    st.sampled_from("aB9-_.é\u0301\u0435 /+#$%\x00\n\x1b\x7f\x85\u200b\u202e\ufeff\ud800\U0001f600"),
    min_size=1,
    max_size=12,
) | st.sampled_from(("pump-1", "..", ".", "%2F", "null", "x" * 128, "x" * 129, "e\u0301", "\u00e9"))
_nearly = st.tuples(_ids, _ids).map(lambda ids: f"tenant/{ids[0]}/device/{ids[1]}/commands/ack")
_broken = st.tuples(_nearly, st.integers(0, 60), st.text(max_size=3), st.integers(0, 4)).map(
    lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + cut[3] :]
)


@settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
@given(_nearly | _broken)
@example("\ufefftenant/a/device/b/commands/ack")
@example("tenant/a/device/b/commands/ack/")
def test_a_topic_that_is_nearly_ours_is_read_exactly_or_refused(topic: str) -> None:
    """Without the look at the number of levels, a longer topic would be taken for a device's answer."""
    try:
        route = parse_ack_topic(topic)
    except TopicError as error:
        assert len(str(error)) < 1_000
        assert str(error).isprintable()
        return
    assert ack_topic(route.tenant_id, route.device_id) == topic
    assert topic.encode()


@settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
@given(_ids, _ids)
def test_every_id_that_may_be_used_makes_a_topic_that_reads_back_as_itself(tenant: str, device: str) -> None:
    """Without the same rule for ids on both ways, a command would go out whose answer is never heard."""
    if id_fault(tenant) or id_fault(device):
        with pytest.raises(TopicError):
            ack_topic(tenant, device)
        return
    assert parse_ack_topic(ack_topic(tenant, device)) == Route(tenant, device)
