"""What will happen when a command is sent, in sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.domain.batches import InFlight, Preview
from console.domain.commands import Phase
from console.domain.figures import TypeLatency, answered_by
from console.domain.forecast import Plan, Sentence, Weight, by_worth, forecast, worst
from console.domain.histograms import Histogram, bucket_of
from console.domain.targets import Target
from console.tui.presenters.compose import Offer, forecast_lines, offer_lines, unknown_type, wrapped_forecast

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FLEET = tuple(f"pump-{number}" for number in range(48))


def answers(*ms: float) -> Histogram:
    counts = [0] * 128
    for one in ms:
        counts[bucket_of(one)] += 1
    return Histogram(tuple(counts))


def target(
    device: str = "pump-1", link: str = "online", status: str = "ACTIVE", seen: datetime | None = None
) -> Target:
    return Target(device, True, status, False, link, "ACTIVE", seen, 0)


def plan(**changes: Any) -> Plan:
    """A send of reboot to 48 devices, of which all are online."""
    return replace(Plan(FLEET, "reboot", MINUTE, fleet()), **changes)


def fleet(**changes: Any) -> Preview:
    return replace(Preview(48, links={"online": 48}), **changes)


def one(link: str = "online", **changes: Any) -> Preview:
    return replace(Preview(1, links={link: 1}), **changes)


def texts(wanted: Plan) -> list[str]:
    return [sentence.text for sentence in forecast(wanted, NOW)]


def test_the_first_sentence_is_who_gets_it_and_when():
    assert texts(plan())[0] == "48 devices are sent it as soon as you confirm."
    assert texts(plan(device_ids=["pump-1"], preview=one()))[0] == "pump-1 is sent it as soon as you confirm."
    assert texts(plan(preview=fleet(forbidden=47)))[:2] == [
        "1 device is sent it as soon as you confirm.",
        "47 get nothing: not registered, decommissioned, or an id that no topic can carry.",
    ]
    assert texts(plan(preview=fleet(forbidden=1)))[1].startswith("1 gets nothing: ")
    assert texts(plan(preview=Preview(48, forbidden=48))) == [
        "Nobody gets it: nothing can be sent to these devices."
    ]
    assert texts(plan(device_ids=["gone"], preview=Preview(1, forbidden=1))) == ["gone does not get it."]


def test_what_holds_up_all_of_it_is_said_first():
    down = forecast(plan(broker_up=False), NOW)[0]
    assert down == Sentence(
        "The broker is down: 48 devices get it once the broker is back, if that is within 1m.",
        Weight.GRAVE,
        48,
    )
    assert (
        texts(plan(broker_up=False, ttl=None))[0]
        == "The broker is down: 48 devices get it once the broker is back."
    )
    off = forecast(plan(has_dispatcher=False), NOW)[0]
    assert off.text == "48 devices get it once a dispatcher runs, if that is within 1m: none runs here."
    assert off.weight is Weight.BAD


@pytest.mark.parametrize(
    ("links", "named", "wanted", "weight"),
    [
        ({"online": 48}, (), "● 48 online.", Weight.PLAIN),
        ({"unknown": 48}, (), "? 48 unknown.", Weight.PLAIN),
        (
            {"online": 39, "stale": 5, "offline": 4}, (),
            "● 39 online, ◐ 5 stale, ○ 4 offline: the 4 offline miss it unless they are back within 1m.", Weight.BAD,
        ),
        (
            {"online": 46, "stale": 1, "offline": 1}, (target("p-1", "offline"), target("p-2", "stale"), target("p-3")),
            "● 46 online, ◐ 1 stale (p-2), ○ 1 offline (p-1): the one offline misses it unless it is back within 1m.",
            Weight.BAD,
        ),
        (
            {"online": 23, "offline": 25}, tuple(target(f"p-{n}", "offline") for n in range(25)),
            "● 23 online, ○ 25 offline: the 25 offline miss it unless they are back within 1m.", Weight.GRAVE,
        ),
        ({"online": 47, "stale": 1}, (), "● 47 online, ◐ 1 stale.", Weight.BAD),
    ],
)  # fmt: skip
def test_who_can_be_reached_is_counted_and_what_the_others_miss_is_said(links, named, wanted, weight):
    found = forecast(plan(preview=fleet(links=links), targets=named or None), NOW)[1]
    assert (found.text, found.weight) == (wanted, weight)


def test_of_a_single_device_is_said_when_it_was_seen_and_when_it_answered():
    seen = target(seen=NOW - timedelta(seconds=40))
    single = plan(
        device_ids=["pump-1"], targets=[seen],
        preview=one("stale", last_latency=timedelta(seconds=0.3), last_acked_at=NOW - 3 * MINUTE),
    )  # fmt: skip
    assert texts(single)[1:] == [
        "It is ◐ stale, seen 40s ago.",
        "Its last answer, to whatever type, took 0.30s, 3m ago.",
    ]
    away = plan(device_ids=["pump-1"], preview=one("offline"))
    assert forecast(away, NOW)[1] == Sentence(
        "It is ○ offline: it misses it unless it is back within 1m.", Weight.GRAVE, 1
    )
    assert texts(replace(away, ttl=None))[1] == "It is ○ offline."


def test_who_is_out_of_service_is_named_or_counted():
    two = [target("p-1", status="SUSPENDED"), target("p-2", status="INACTIVE"), target("p-3")]
    assert texts(plan(targets=two))[2] == "p-1 is SUSPENDED, p-2 is INACTIVE in the registry."
    three = [target(f"p-{n}", status="INACTIVE") for n in range(3)]
    assert texts(plan(targets=three))[2] == "3 are inactive or suspended in the registry."


def test_what_ended_badly_lately_is_said_and_is_a_reason_to_look_first():
    since = NOW - 11 * MINUTE
    found = forecast(plan(preview=fleet(bad={Phase.MISSED: 41, Phase.FAILED: 2}, bad_since=since)), NOW)[2]
    assert found == Sentence(
        "Of these 48, 41 missed reboot and 2 failed it in the last hour, the first 11m ago: look at that first.",
        Weight.GRAVE, 41,
    )  # fmt: skip
    few = forecast(plan(preview=fleet(bad={Phase.EXPIRED: 4}, bad_since=since)), NOW)[2]
    assert few == Sentence(
        "Of these 48, 4 did not get reboot in the last hour, the first 11m ago.", Weight.BAD, 4
    )
    single = plan(device_ids=["p"], preview=one(bad={Phase.MISSED: 1, Phase.FAILED: 1}, bad_since=since))
    assert texts(single)[2] == "It missed and failed reboot in the last hour, 11m ago: look at that first."


def test_answer_times_are_compared_with_the_ttl():
    """Without it a TTL is chosen that half of the answers cannot keep."""
    usual = answers(*[300] * 95, *[1_800] * 5)
    assert texts(plan(answered=usual))[2] == (
        "95 % of the answers to reboot come within 0.28s, 99 % within 1.88s; the TTL is 1m."
    )
    some = forecast(plan(answered=answers(*[300] * 96, *[90_000] * 4)), NOW)[2]
    assert some.text == "Only 96 % of the answers to reboot come within the TTL of 1m; 99 % take up to 85.0s."
    assert (some.weight, some.devices) == (Weight.BAD, 2)
    most = forecast(plan(answered=answers(*[300] * 50, *[90_000] * 50)), NOW)[2]
    assert (most.weight, most.devices) == (Weight.GRAVE, 24)
    assert (
        texts(plan(answered=answers(300)))[2]
        == "reboot has been answered once so far, within 0.28s; the TTL is 1m."
    )
    assert "answered 7 times so far" in texts(plan(answered=answers(*[300] * 7)))[2]
    assert len(texts(plan(answered=usual, ttl=None))) == 2
    assert len(texts(plan(answered=usual, command_type=""))) == 2


def test_what_is_in_flight_is_said_of_the_same_type_first():
    newest = InFlight("pump-1", "reboot", "bob", NOW - 12 * MINUTE)
    same = fleet(in_flight=5, same_in_flight=2, newest=newest)
    assert texts(plan(preview=same))[-1] == (
        "In flight already to 2 devices: reboot by bob, 12m ago; those get it a second time."
    )
    assert texts(plan(preview=replace(same, same_in_flight=1)))[-1].endswith(
        "; that one gets it a second time."
    )
    assert texts(plan(preview=replace(same, same_in_flight=0)))[-1] == (
        "5 other commands are in flight, the newest reboot by bob, 12m ago."
    )
    nobody = replace(newest, by=None)
    other = fleet(in_flight=1, newest=nobody)
    assert (
        texts(plan(preview=other))[-1]
        == "1 other command is in flight, the newest reboot by somebody, 12m ago."
    )
    single = one(in_flight=1, same_in_flight=1, newest=newest)
    assert texts(plan(device_ids=["pump-1"], preview=single))[-1] == (
        "In flight already: reboot by bob, 12m ago: it gets it a second time."
    )
    different = forecast(plan(device_ids=["pump-1"], preview=replace(single, same_in_flight=0)), NOW)[-1]
    assert (different.text, different.weight) == (
        "In flight already: reboot by bob, 12m ago.",
        Weight.NOTABLE,
    )


def test_the_worst_sentence_is_the_heaviest_about_most_devices():
    first, mild = Sentence("First.", Weight.GRAVE, 99), Sentence("Mild.", Weight.NOTABLE, 50)
    few, many, grave = (
        Sentence("Few.", Weight.BAD, 2),
        Sentence("Many.", Weight.BAD, 9),
        Sentence("Grave.", Weight.GRAVE, 1),
    )
    assert worst([first, mild]) is None
    assert worst([first, few, mild, many]) is many
    assert [one.text for one in by_worth([first, mild, few, grave, many])] == [
        "First.", "Grave.", "Few.", "Many.", "Mild.",
    ]  # fmt: skip
    assert [one.text for one in by_worth([mild, first])] == ["Mild.", "First."]
    assert [one.text for one in by_worth([first, mild])] == ["First.", "Mild."]
    assert list(by_worth([])) == []


def test_foreign_text_in_a_forecast_is_clean():
    newest = InFlight("p", "re\x1b[2Jboot", "bo\x07b", NOW)
    wanted = plan(
        command_type="x\x1b[31m", device_ids=["a\x1bb"], answered=answers(*[1] * 30), targets=[target("a\x1bb", "stale")],
        preview=one("stale", in_flight=1, newest=newest, bad={Phase.FAILED: 1}, bad_since=NOW),
    )  # fmt: skip
    assert not any("\x1b" in text or "\x07" in text for text in texts(wanted))
    many = replace(wanted, device_ids=FLEET, preview=fleet(links={"online": 47, "stale": 1}))
    assert not any("\x1b" in text for text in texts(many))


def test_learned_times_are_those_of_the_models_or_of_all():
    learned = [
        TypeLatency("ping", "A", answers(100)), TypeLatency("ping", "B", answers(100, 200)),
        TypeLatency("reboot", "A", answers(5, 6, 7, 8)),
    ]  # fmt: skip
    assert answered_by(learned, "ping", {"B", ""}).answers == 2
    assert answered_by(learned, "ping", {"C"}).answers == 3
    assert answered_by(learned, "flush", {"A"}).answers == 0


@pytest.mark.parametrize("width", [40, 52, 70, 110])
@pytest.mark.parametrize("rows", range(2, 13))
def test_the_first_and_the_worst_are_shown_in_as_few_rows_as_there_are(width, rows):
    sentences = forecast(
        plan(
            answered=answers(*[300] * 50),
            preview=fleet(
                links={"online": 40, "offline": 8}, forbidden=3, bad={Phase.MISSED: 41}, bad_since=NOW,
                in_flight=1, newest=InFlight("p", "ping", "bob", NOW),
            ),
        ),
        NOW,
    )  # fmt: skip
    lines = ["".join(cell.text for cell in line) for line in wrapped_forecast(sentences, width, rows)]
    assert len(lines) <= rows
    assert all(len(line) <= width + 2 for line in lines)
    assert lines[0].startswith("45 devices are sent it")
    assert any(line.startswith("! Of these 48, 41 missed reboot") for line in lines)


def test_what_is_left_out_is_counted_and_the_dialog_has_all():
    sentences = tuple(Sentence(f"Sentence {n}.", Weight.BAD if n == 3 else Weight.PLAIN) for n in range(5))
    lines = ["".join(cell.text for cell in line) for line in wrapped_forecast(sentences, 60, 4)]
    assert lines == ["Sentence 0.", "Sentence 1.", "Sentence 2.", "! Sentence 3."]
    lines = ["".join(cell.text for cell in line) for line in wrapped_forecast(sentences[:4], 60, 2)]
    assert lines == ["Sentence 0.", "! Sentence 3."]
    long = (*sentences[:4], Sentence("Words " * 40))
    lines = ["".join(cell.text for cell in line) for line in wrapped_forecast(long, 60, 5)]
    assert lines[-1] == "… 1 more sentence in the review"
    assert [line[0].text for line in forecast_lines(sentences)] == [
        "Sentence 0.", "! Sentence 3.", "Sentence 1.", "Sentence 2.", "Sentence 4.",
    ]  # fmt: skip


def test_a_type_that_is_offered_is_described_with_its_danger_and_its_usual_time():
    offers = [
        Offer("set_interval", "How often it reports", False, 1_230.0), Offer("set_valve", "Moves a valve", True, 310.0),
        Offer("set_x", "", True), Offer("sets", "", False),
    ]  # fmt: skip
    lines = [
        "".join(cell.text for cell in line) for line in offer_lines("set", offers, "set_valve", 9, 70, 8)
    ]
    assert lines == [
        " 4 of 9 fit “set”: enter takes the marked                  95 % within",
        " set_interval  How often it reports                              1.23s",
        "▌set_valve     ! Moves a valve                                   0.31s",
        " set_x         ! dangerous                                            ",
        " sets                                                                 ",
    ]
    bare = ["".join(cell.text for cell in line) for line in offer_lines("set", offers[2:], None, 9, 70, 8)]
    assert bare[0].rstrip() == " 2 of 9 fit “set”: enter takes what you typed"
    assert all(len(line) == 70 for line in bare)
    narrow = offer_lines("set", offers, "set_valve", 9, 42, 8)
    assert ["".join(cell.text for cell in line)[-6:] for line in narrow[1:3]] == [" 1.23s", " 0.31s"]


def test_an_unknown_type_names_the_nearest_also_without_a_catalogue():
    """Without it reb is "Ready." on a platform that has no catalogue."""
    known = ("reboot", "ping")
    assert unknown_type("reb", known, is_catalogued=False) == "reb was not sent here lately; is reboot meant?"
    assert unknown_type("calibrate", known, is_catalogued=False) == ""
    assert unknown_type("rebooot", known, is_catalogued=True).endswith("lists rebooot; is reboot meant?")
    assert (
        unknown_type("calibrate", known, is_catalogued=True) == "no model of these devices lists calibrate."
    )
