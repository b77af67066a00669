"""Topics and payloads: what is read can be written back, and nothing but our own errors is raised."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.domain.commands import NEVER
from console.domain.identifiers import id_fault
from console.wire.ack_payloads import PADDED, AckError, decode_ack
from console.wire.payloads import encode_command
from console.wire.topics import Route, TopicError, ack_filter, ack_topic, command_topic, parse_ack_topic


def _ack(text: str) -> tuple[str, dict[str, object], tuple[str, ...]]:
    payload = decode_ack(text.encode("utf-8", "surrogatepass"))
    return payload.command_id, json.loads(payload.ack_json), payload.repairs


def test_a_command_goes_out_with_exactly_four_keys_and_the_params_untouched() -> None:
    payload = encode_command("c1", 'say "hi"', '{"a": 1.10}', datetime(2026, 1, 2, tzinfo=UTC))
    assert payload == (
        b'{"command_id":"c1","type":"say \\"hi\\"","params":{"a": 1.10},"expires_at":"2026-01-02T00:00:00+00:00"}'
    )
    assert b'"expires_at":"9999-12-31T00:00:00+00:00"' in encode_command("c1", "x", "{}", NEVER)


def test_topics() -> None:
    assert command_topic("acme", "pump-1") == "tenant/acme/device/pump-1/commands"
    assert ack_filter() == "tenant/+/device/+/commands/ack"
    assert parse_ack_topic("tenant/acme/device/pump-1/commands/ack") == Route("acme", "pump-1")
    assert parse_ack_topic("tenant/a/device/b\u202e/commands/ack") == Route(
        "a", "b\u202e"
    )  # another device than b


@pytest.mark.parametrize(
    "topic",
    [
        "tenant/a/device/b/commands/ack/", "tenant/a/device/b/commands", "tenant//device//commands/ack", "",
        "tenant/a/device/b/commands/ack/x", "$SYS/broker", "$share/g/tenant/a/device/b/commands/ack",
        "tenant/a/device/+/commands/ack", "tenant/a/device/b\n/commands/ack",
        "\ufefftenant/a/device/b/commands/ack", "x" * 65_000, "Tenant/a/device/b/commands/ack",
    ],
)  # fmt: skip
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        parse_ack_topic(topic)


def test_ids_that_would_route_elsewhere_make_no_topic() -> None:
    with pytest.raises(TopicError, match="device id 'a/b'"):
        command_topic("acme", "a/b")


_PLAIN = b'{"command_id":"c1","status":"ok","details":{"a":"\\u0000x","n":1}}'
_PADDINGS = st.lists(
    st.sampled_from(
        (b"\x00", b" ", b"\r\n", b"\n", b"\t", b"\xef\xbb\xbf", b"\x1a", b"\x04", b"\x1b", b"\x7f", b"\xc2\x85", b"\xc2\xa0",
         b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\x00" * 64)
    )
).map(b"".join)  # fmt: skip


@given(_PADDINGS, _PADDINGS)
@example(b"", b"\x00")
@example(b"\xef\xbb\xbf", b"\r\n\x00")
def test_what_firmware_puts_around_an_answer_does_not_lose_it(before: bytes, behind: bytes) -> None:
    """Without the dropping, the answer of a device that sends its whole buffer is malformed."""
    plain, found = decode_ack(_PLAIN), decode_ack(before + _PLAIN + behind)
    assert (found.command_id, found.ack_json, found.word) == (plain.command_id, plain.ack_json, plain.word)
    has_controls = any(
        (c < " " and c not in "\t\r\n") or "\x7f" <= c < "\xa0" for c in (before + behind).decode()
    )
    assert (PADDED in found.repairs) == has_controls
    assert found.padded == (bool(before + behind) and not has_controls)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (_PLAIN.decode().encode("utf-16"), "UTF-16"),
        (_PLAIN.decode().encode("utf-16-le"), "UTF-16"),
        (_PLAIN.decode().encode("utf-16-be"), "UTF-16"),
        (_PLAIN.decode().encode("utf-32"), "UTF-32"),
        (_PLAIN.decode().encode("utf-32-be"), "UTF-32"),
        (_PLAIN + b"\x00" + _PLAIN, "text after the end"),
        (_PLAIN + b"\x00x", "text after the end"),
        (b'{\x0b"command_id":"c1"}', "a key is missing"),
        (b"\x00" * 9, "nothing but white space or control bytes"),
        (b" \r\n", "nothing but white space or control bytes"),
        (_PLAIN + b"\xff" * 4, "not UTF-8"),
    ],
)
def test_what_is_not_one_json_object_in_utf_8_stays_malformed_with_its_reason(
    payload: bytes, says: str
) -> None:
    with pytest.raises(AckError, match=says):
        decode_ack(payload)


@pytest.mark.parametrize(
    ("payload", "correlation", "found"),
    [
        (b"{}", b"c1", ("c1", True)),
        (b'{"command_id":null,"status":"ok"}', b"c1", ("c1", True)),
        (b'{"command_id":"c1"}', b"c1", ("c1", True)),
        (b'{"command_id":"c1"}', b"c2", ("c1", False)),
        (b'{"command_id":"c1"}', b"\xff", ("c1", False)),
        (b'{"command_id":"c1"}', b"", ("c1", True)),
        (b"{}", "é\U0001f600".encode(), ("é\U0001f600", True)),
        (b"{}", b"", "no command_id"),
        (b"{}", None, "no command_id"),
        (b"{}", b"\xff\xfe", "Correlation Data: it is not UTF-8"),
        (b"{}", b"a/b", "Correlation Data: it cannot be used"),
        (b"{}", b"c1\x00", "Correlation Data: it cannot be used"),
        (b"{}", b"x" * 513, "Correlation Data: it cannot be used"),
        (b'{"command_id":5}', b"c1", "command_id is not a string"),
        (b'{"command_id":""}', b"c1", "command_id cannot be used"),
    ],
)
def test_correlation_data_names_the_command_where_the_payload_does_not(
    payload: bytes, correlation: bytes | None, found: tuple[str, bool] | str
) -> None:
    if isinstance(found, str):
        with pytest.raises(AckError, match=found):
            decode_ack(payload, correlation=correlation)
        return
    read = decode_ack(payload, correlation=correlation)
    assert (read.command_id, read.correlates) == found


def test_an_answer_of_a_few_bytes_is_not_written_out_as_megabytes() -> None:
    """Without the sum, 64 KB of numbers like 1e9999 are 90 MB in every reader of the history."""
    numbers = ",".join(["1e9999"] * 9_000)
    payload = decode_ack(f'{{"command_id":"c1","details":[{numbers}]}}'.encode())
    values = json.loads(payload.ack_json, parse_float=lambda _: None)["details"]["value"]
    assert 0 < values.count(None) * 9_999 <= 262_144
    assert payload.repairs == ("numbers in details of more than 262,144 digits in all became text",)


@given(st.text(), st.text())
def test_a_topic_that_is_read_can_be_written_back(tenant: str, device: str) -> None:
    topic = f"tenant/{tenant}/device/{device}/commands/ack"
    try:
        route = parse_ack_topic(topic)
    except TopicError:
        return
    assert ack_topic(route.tenant_id, route.device_id) == topic


@pytest.mark.parametrize(
    ("text", "status", "details"),
    [
        ('{"command_id":"c1"}', "ok", None),
        ('{"command_id":"c1","status":null,"details":null}', "ok", None),
        ('{"command_id":"c1","status":"OK","details":{}}', "OK", {}),
        ('{"command_id":"c1","status":1}', "1", None),
        ('{"command_id":"c1","status":[]}', "[]", None),
        ('{"command_id":"c1","status":{"a":1}}', '{"a":1}', None),
        ('{"command_id":"c1","details":"text"}', "ok", {"value": "text"}),
        ('{"command_id":"c1","details":[1,2]}', "ok", {"value": [1, 2]}),
        ('{"command_id":"c1","details":5}', "ok", {"value": 5}),
        ('{"command_id":"c1","details":{"a":"\\ud83d\\ude00"}}', "ok", {"a": "😀"}),
        ('\ufeff {"command_id" : "c1" , "ts" : 5 , "tenant_id":"other"} ', "ok", None),
        ('{"a":1,"a":2,"command_id":"c1"}', "ok", None),
        ('{"command_id":"c1","details":{"x":1e400}}', "ok", {"x": float("inf")}),
    ],
)  # fmt: skip
def test_answers_are_normalised(text: str, status: str, details: object) -> None:
    assert _ack(text) == ("c1", {"status": status, "details": details}, ())


@pytest.mark.parametrize(
    ("text", "details", "repair"),
    [
        ('{"command_id":"c1","details":{"a":"\\u0000"}}', {"a": "\ufffd"}, "NUL became U+FFFD"),
        ('{"command_id":"c1","details":{"a":"\\ud800x"}}', {"a": "\ufffdx"}, "half a surrogate pair became U+FFFD"),
        ('{"command_id":"c1","details":{"\\u0000":1}}', {"\ufffd": 1}, "NUL became U+FFFD"),
        ('{"command_id":"c1","details":[NaN,-Infinity]}', {"value": ["NaN", "-Infinity"]}, "-Infinity in details became text"),
        ('{"command_id":"c1","details":{"a":1e200000}}', {"a": "1e200000"}, "a number in details that PostgreSQL cannot hold became text"),
        ('{"command_id":"c1","details":{"a":1e99999999999}}', {"a": "1e99999999999"}, "a number in details that PostgreSQL cannot hold became text"),
        ('{"command_id":"c1","details":' + "[" * 5_000 + "]" * 5_000 + "}", None, "details nested more than 200 levels deep were dropped"),
        ('{"command_id":"c1","details":{"keep":"\\\\u0000 1e5 \\n\\ud800"}}', {"keep": "\\u0000 1e5 \n\ufffd"}, "half a surrogate pair became U+FFFD"),
    ],
)  # fmt: skip
def test_what_postgresql_cannot_store_is_repaired_and_reported(
    text: str, details: object, repair: str
) -> None:
    command_id, ack, repairs = _ack(text)
    assert (command_id, ack["details"]) == ("c1", details)
    assert repair in repairs


def test_a_number_of_ten_thousand_digits_is_kept() -> None:
    payload = decode_ack(b'{"command_id":"c1","details":{"a":' + b"9" * 10_000 + b"}}")
    assert "9" * 10_000 in payload.ack_json


def test_a_status_is_repaired_too() -> None:
    _, ack, repairs = _ack('{"command_id":"c1","status":"a\\u0000"}')
    assert ack["status"] == "a\ufffd"
    assert repairs == ("NUL became U+FFFD",)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "empty payload"), (b"\xff\xfe\x00", "not UTF-8"), (b"null", "not an object"), (b"5", "not an object"),
        (b'"x"', "not an object"), (b"[]", "not an object"), (b"{}", "no command_id"), (b"{", "a key is missing"),
        (b'{"command_id":5}', "not a string"), (b'{"command_id":{}}', "not a string"), (b'{"command_id":true}', "not a string"),
        (b'{"command_id":""}', "it is empty"), (b'{"command_id":"' + b"x" * 300 + b'"}', "300 characters"),
        (b'{"command_id":"a\\u0000"}', "control character"), (b'{"command_id":"a","command_id":"b"}', "twice"),
        (b'{"command_id":"a",}', "a key is missing"), (b'{"command_id":"a"} {}', "text after the end"), (b"{} x", "text after the end"),
        (b"{'command_id':'a'}", "a key is missing"), (b'{"command_id" "a"}', "a colon is missing"),
        (b'{"command_id":"a" "b"}', "a comma or the end"), (b'{"command_id":}', "a value is missing"),
        (b'{"command_id":"a","d":[}', "brackets do not match"), (b'{"command_id":"a","d":[', "ends too early"),
        (b'{"command_id":"a","d":["', "ends too early"), (b'{"command_id":"a","d":tru}', "not JSON"),
        (b'{"command_id":"a","d":"\x01"}', "a value is missing"), (b'{"\\x":1}', "a key cannot be read"),
        (b'{"command_id":"\\ud800"}', "control character"), (b"\x1f\x8b\x08\x00", "not UTF-8"), (b" " * 65_537, "65,537 bytes"),
        (b'{"command_id":"\\q","d":' + b"[" * 300 + b"]" * 300 + b"}", "not JSON"),
        (b'{"command_id":"a","details":[NaN,1ee5],"d":' + b"[" * 300 + b"]" * 300 + b"}", "not JSON"),
        (b'{"command_id":"a","status":tru,"d":' + b"[" * 300 + b"]" * 300 + b"}", "not JSON"),
        (b'{"command_id":"a' + b"[" * 100 + b'","d":' + b"[" * 1_000 + b"}" * 1_000 + b"}", "brackets do not match"),
    ],
)  # fmt: skip
def test_what_can_never_become_an_answer_is_refused_with_a_reason(payload: bytes, says: str) -> None:
    with pytest.raises(AckError, match=says.replace("+", "\\+")):
        decode_ack(payload)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
@example(b'{"command_id":"a","details":"\\')
@example(b'{"command_id":"\\u12"}')
def test_any_bytes_end_as_an_answer_or_as_our_own_error(payload: bytes) -> None:
    try:
        decoded = decode_ack(payload)
    except AckError:
        return
    assert id_fault(decoded.command_id) is None
    assert set(json.loads(decoded.ack_json)) == {"status", "details"}


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@given(
    st.fixed_dictionaries(
        {"command_id": st.text(min_size=1, max_size=20)}, optional={"status": _JSON, "details": _JSON}
    )
)
@example({"command_id": "0", "status": [float("inf"), None]})
def test_any_object_with_a_usable_id_is_an_answer_that_can_be_stored(document: dict[str, object]) -> None:
    text = json.dumps(document)
    try:
        decoded = decode_ack(text.encode())
    except AckError:
        assert id_fault(str(document["command_id"])) is not None
        return
    assert decoded.command_id == document["command_id"]
    stored = json.loads(decoded.ack_json, parse_constant=_no_constant)
    assert isinstance(stored["status"], str)
    assert stored["details"] is None or isinstance(stored["details"], dict)
