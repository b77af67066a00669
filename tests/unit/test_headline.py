"""The headline: which set it names, what it says, and which rows stand behind it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.commands import Phase
from console.domain.conditions import Condition, Kind
from console.domain.figures import Ended, GroupKind, GroupTotals, RecentEnd
from console.domain.headline import WINDOW, Headline, Totals, current_from, headline

NOW = datetime(2026, 3, 1, 11, 15, tzinfo=UTC)
TURKU = Condition(Kind.SITE, "turku")


def end(number: int, minutes: float = 5, **parts: Any) -> RecentEnd:
    """One of the outage in turku, unless `parts` say otherwise."""
    outage = {
        "outcome": Phase.MISSED, "site": "turku", "model": "PX-200", "fw": "1.4.1", "command_type": "set_interval", "sender": "bob",
    }  # fmt: skip
    at = (
        NOW - timedelta(minutes=minutes) + timedelta(microseconds=10_000 - number)
    )  # in their order, newest first
    return RecentEnd(at, f"c{number}", f"pump-{number}", **(outage | parts))


def scattered(count: int, minutes: float = 5, start: int = 1_000) -> list[RecentEnd]:
    """Ends that have nothing in common."""
    return [
        end(start + n, minutes, site=f"s{n}", model=f"m{n}", fw=f"f{n}", command_type=f"t{n}", sender=f"p{n}")
        for n in range(count)
    ]


def groups(**ends: Ended) -> tuple[GroupTotals, ...]:
    """Groups of the outage's names: ``site=Ended(…)``."""
    names = {"site": "turku", "model": "PX-200", "fw": "1.4.1", "type": "set_interval", "sender": "bob"}
    return tuple(GroupTotals(GroupKind(kind), names[kind], ended) for kind, ended in ends.items())


OUTAGE = [end(n, minutes=1 + n / 4) for n in range(41)]
CURRENT = groups(
    site=Ended(ok=7, missed=41), model=Ended(ok=53, missed=43), fw=Ended(ok=11, missed=41), type=Ended(ok=20, missed=41),
    sender=Ended(ok=90, missed=41),
)  # fmt: skip
USUAL = groups(**{kind: Ended(ok=1_000, missed=10) for kind in ("site", "model", "fw", "type", "sender")})


def test_an_outage_is_one_sentence_and_exactly_its_rows() -> None:
    """Without it, an engineer at night reads a table to find what one sentence says."""
    found = headline([*scattered(9), *OUTAGE], Totals(Ended(ok=1_000, missed=41), CURRENT, USUAL), NOW)
    assert found.sentence == "turku: 41 missed since 11:04, all PX-200 on 1.4.1, all set_interval by bob."
    assert found.conditions == (TURKU,)
    assert set(found.shared) == {
        Condition(Kind.MODEL, "PX-200"), Condition(Kind.FW, "1.4.1"), Condition(Kind.TYPE, "set_interval"),
        Condition(Kind.SENDER, "bob"),
    }  # fmt: skip
    assert found.ends == tuple(OUTAGE)
    assert found.command_ids == tuple(f"c{n}" for n in range(41))
    assert found.device_ids == tuple(f"pump-{n}" for n in range(41))
    assert (found.is_well, found.outcome, found.since) == (False, Phase.MISSED, OUTAGE[-1].at)


@pytest.mark.parametrize(("ok_of_the_type", "named"), [(50, "turku"), (20, "set_interval")])
def test_a_site_comes_before_a_type_that_is_hardly_clearer(ok_of_the_type: int, named: str) -> None:
    """Without it a site that fell silent just after a bulk send is told as a fault of the type that was sent."""
    elsewhere = [
        end(100 + n, site="lyon", command_type="ping", model=f"m{n}", fw=f"f{n}", sender=f"p{n}")
        for n in range(12)
    ]
    current = groups(site=Ended(ok=60, missed=41), type=Ended(ok=ok_of_the_type, missed=41))
    usual = groups(site=Ended(ok=1_000, missed=10), type=Ended(ok=1_000, missed=10))
    found = headline([*elsewhere, *OUTAGE], Totals(Ended(ok=1_000, missed=53), current, usual), NOW)
    assert found.sentence.startswith(f"{named}: 41 missed")


def test_a_few_bad_ends_long_before_are_not_when_it_began() -> None:
    """Without it a site that fell silent two minutes ago has been bad since the first of its usual failures."""
    burst = [end(n, minutes=0.2 + n / 20) for n in range(41)]
    usual = [end(100 + n, minutes=6 + 4 * n) for n in range(6)]
    found = headline([*burst, *usual], Totals(Ended(ok=1_000, missed=41), CURRENT, USUAL), NOW)
    assert found.sentence.startswith("turku: 41 missed since 11:12")
    assert (found.ends, found.since) == (tuple(burst), burst[-1].at)
    slow = [end(n, minutes=1 + 2.5 * n) for n in range(12)]
    assert headline(slow, Totals(Ended(ok=1_000), CURRENT, USUAL), NOW).since == slow[-1].at


def test_what_began_late_in_a_busy_hour_is_found() -> None:
    """Without it all is called well above a site that fell silent, because its hour was busy until then."""
    elsewhere = scattered(14)
    current = groups(site=Ended(ok=400, missed=41), type=Ended(ok=2_500, missed=41))
    usual = groups(site=Ended(ok=950, missed=50), type=Ended(ok=9_500, missed=500))
    hour = Ended(ok=2_500, missed=55)
    late = headline([*elsewhere, *OUTAGE], Totals(hour, current, usual, window=Ended(ok=500, missed=55)), NOW)
    assert late.conditions == (TURKU,)
    assert headline([*elsewhere, *OUTAGE], Totals(hour, current, usual), NOW).conditions == ()


def test_the_number_of_devices_is_told_where_it_is_known() -> None:
    """Without it, 41 may be all of them or few."""
    totals = Totals(Ended(), CURRENT, USUAL)
    assert headline(OUTAGE, totals, NOW, {TURKU: 48}).sentence.startswith(
        "turku: 41 of 48 devices missed since"
    )
    assert headline(OUTAGE, totals, NOW, {TURKU: 40}).sentence.startswith("turku: 41 missed since")
    assert headline(OUTAGE, totals, NOW, {TURKU: 48}).total == 48
    twice = [*OUTAGE, end(0, 2, command_type="ping")]
    assert headline(twice, totals, NOW, {TURKU: 48}).sentence.startswith(
        "turku: 42 missed on 41 of 48 devices since"
    )


def test_times_are_those_of_the_zone_of_now() -> None:
    """Without it, the headline and the clock beside it differ by hours."""
    now = NOW.astimezone(timezone(timedelta(hours=2)))
    assert "since 13:04" in headline(OUTAGE, Totals(Ended(), CURRENT, USUAL), now).sentence


def test_a_time_of_another_day_has_its_date() -> None:
    """Without it "since 23:50" is read in the morning as a time to come."""
    night = NOW.replace(hour=0, minute=5)
    ends = [replace(one, at=one.at - (NOW - night)) for one in OUTAGE]
    assert "missed since Sat 28 23:54, all" in headline(ends, Totals(Ended(), CURRENT, USUAL), night).sentence
    east = headline(ends, Totals(Ended(), CURRENT, USUAL), night.astimezone(timezone(timedelta(hours=2))))
    assert "missed since 01:54, all" in east.sentence
    assert "missed since Sat 28 23:54" in east.clauses(UTC)[0]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"site": ""}, "PX-200: 6 missed since 11:10, all on 1.4.1, all set_interval by bob."),
        ({"site": "", "model": ""}, "firmware 1.4.1: 6 missed since 11:10, all set_interval by bob."),
        ({"site": "", "model": "", "fw": ""}, "set_interval: 6 missed since 11:10, all by bob."),
        ({"site": "", "model": "", "fw": "", "command_type": ""}, "sent by bob: 6 missed since 11:10."),
        (
            {"site": "", "model": "", "fw": "", "command_type": "", "sender": "", "batch_id": "5b0c9a52-1111"},
            "bulk send 5b0c9a52: 6 missed since 11:10.",
        ),
        ({"model": "", "sender": "", "batch_id": "b"}, "turku: 6 missed since 11:10, all on 1.4.1, all set_interval, all of one bulk send."),
        ({"fw": "", "command_type": ""}, "turku: 6 missed since 11:10, all PX-200, all by bob."),
        ({"site": "\x1b[2J" + "x" * 50}, "␛[2J" + "x" * 35 + "…: 6 missed since 11:10, all PX-200 on 1.4.1, all set_interval by bob."),
    ],
)  # fmt: skip
def test_each_kind_of_set_is_named(parts: dict[str, Any], sentence: str) -> None:
    """Without one of the kinds, what has it in common has nothing in common; names are untrusted text."""
    assert headline([end(n, **parts) for n in range(6)], Totals(), NOW).sentence == sentence


def test_several_outcomes_are_counted_apart() -> None:
    """Without that, a failure is called a miss."""
    ends = [
        end(n, outcome=[Phase.FAILED, Phase.EXPIRED, Phase.MISSED, Phase.MISSED][n % 4]) for n in range(8)
    ]
    found = headline(ends, Totals(), NOW)
    assert found.sentence.startswith("turku: 8 ended badly (4 missed, 2 failed, 2 expired) since")


def test_the_smallest_set_is_the_one_in_which_least_ended() -> None:
    """Without it, a whole model is blamed for one firmware of it."""
    current = groups(site=Ended(ok=500, missed=8), fw=Ended(ok=1, missed=8), model=Ended(ok=400, missed=8))
    assert headline([end(n) for n in range(8)], Totals(Ended(), current), NOW).conditions == (
        Condition(Kind.FW, "1.4.1"),
    )


@pytest.mark.parametrize(
    ("bad", "rest", "is_found"), [(4, 0, False), (5, 0, True), (8, 2, True), (8, 3, False)]
)
def test_a_set_holds_four_fifths_and_five(bad: int, rest: int, *, is_found: bool) -> None:
    """Without the bounds, two misses are an outage, or half of what went wrong is called all of it."""
    found = headline([*(end(n) for n in range(bad)), *scattered(rest)], Totals(Ended(ok=100)), NOW)
    assert bool(found.conditions) == is_found


@pytest.mark.parametrize(("usual", "is_found"), [
    (Ended(ok=70, missed=30), True), (Ended(ok=60, missed=40), False), (Ended(missed=19), True), (Ended(missed=20), False),
])  # fmt: skip
def test_what_is_usual_is_no_news(usual: Ended, *, is_found: bool) -> None:
    """Without the usual ratio, one bad site is the headline for ever; a ratio of few ends says nothing."""
    kinds = ("site", "model", "fw", "type", "sender")
    current = groups(**dict.fromkeys(kinds, Ended(ok=1, missed=9)))
    totals = Totals(Ended(ok=10, missed=9), current, groups(**dict.fromkeys(kinds, usual)))
    before = [end(n, minutes=16 + n) for n in range(100, 400)]  # nor is a pair of them
    assert bool(headline([*(end(n) for n in range(9)), *before], totals, NOW).conditions) == is_found


def test_what_has_been_silent_for_long_is_no_news_but_not_well_either() -> None:
    """Without it, an outage of the night is called well in the morning."""
    current = groups(site=Ended(missed=20), type=Ended(ok=950, missed=20))
    usual = groups(site=Ended(missed=300), type=Ended(ok=9_000, missed=300))
    before = [end(n, minutes=15 + n) for n in range(100, 400)]
    found = headline(
        [*(end(n) for n in range(9)), *before], Totals(Ended(ok=950, missed=20), current, usual), NOW
    )
    assert found.sentence.startswith("As before, turku: 9 missed since ")
    assert (found.is_well, found.conditions, len(found.ends)) == (False, (), 9)


def named(kind: str, name: str, ok: int, missed: int) -> GroupTotals:
    return GroupTotals(GroupKind(kind), name, Ended(ok=ok, missed=missed))


def test_a_site_that_fell_silent_is_named_beside_other_bad_ends() -> None:
    """Without it the site that went silent is not named as long as something else goes wrong, too."""
    current = (
        named("site", "turku", 1, 12), named("model", "PX-200", 60, 16), named("type", "set_interval", 60, 14),
        named("site", "lyon", 90, 9), named("fw", "1.4.1", 200, 21),
    )  # fmt: skip
    usual = tuple(named(one.kind.value, one.name, 980, 20) for one in current)
    ends = [end(n, sender="") for n in range(12)] + [
        end(100 + n, site="lyon", model="", fw="", sender="", command_type="ping") for n in range(9)
    ]
    totals = Totals(Ended(ok=200, missed=21), current, usual)
    found = headline(ends, totals, NOW, {TURKU: 15})
    assert found.sentence == (
        "turku: 12 of 15 devices missed since 11:10, all PX-200 on 1.4.1, all set_interval; 9 more elsewhere."
    )
    assert (found.conditions, found.ends, found.is_well) == ((TURKU,), tuple(ends[:12]), False)
    assert found.others == "; 9 more elsewhere"
    assert headline(ends, replace(totals, current=current[1:]), NOW).conditions[0].kind is not Kind.SITE


@pytest.mark.parametrize(("ok", "missed", "before", "count", "is_found"), [
    (88, 12, (960, 40), 8, True), (89, 11, (960, 40), 8, False),  # three times as much
    (98, 12, (1_000, 0), 4, False), (98, 12, (1_000, 0), 5, True),  # five ends
    (970, 30, (1_000, 0), 8, True), (971, 29, (1_000, 0), 8, False),  # of few nothing is bad
    (8, 8, (19, 0), 8, True), (9, 8, (19, 0), 8, False), (9, 8, (20, 0), 8, True),  # nothing usual is known
])  # fmt: skip
def test_a_part_is_named_only_where_it_is_clearly_not_as_usual(
    ok: int, missed: int, before: tuple[int, int], count: int, *, is_found: bool
) -> None:
    """Without the bounds each site that has five bad ends on a bad day is the headline."""
    totals = Totals(Ended(ok=999), (named("site", "turku", ok, missed),), (named("site", "turku", *before),))
    alone: dict[str, Any] = {"model": "", "fw": "", "command_type": "", "sender": ""}
    found = headline([*(end(n, **alone) for n in range(count)), *scattered(count)], totals, NOW)
    assert bool(found.conditions) == is_found
    assert found.others == (f"; {count} more elsewhere" if is_found else "")


def test_what_is_not_a_place_has_others_and_no_elsewhere() -> None:
    totals = Totals(Ended(ok=9), (named("fw", "1.4.1", 1, 9),))
    alone: dict[str, Any] = {"site": "", "model": "", "command_type": "", "sender": ""}
    ends = [end(n, **alone) for n in range(9)]
    several = headline([*ends, *scattered(3)], totals, NOW)
    assert several.sentence == "firmware 1.4.1: 9 missed since 11:10; 3 others ended badly."
    usual = (named("fw", "1.4.1", 1, 99),)
    before = headline([*ends, *scattered(3)], replace(totals, usual=usual), NOW)
    assert before.sentence.startswith("As before, firmware 1.4.1: 9 missed since 11:10; 3 others")
    assert before.conditions == ()


def test_since_is_when_it_began_and_not_when_the_window_did() -> None:
    """Without it an outage of three hours has always begun a quarter of an hour ago."""
    ends = [end(n, minutes=2 * n + 1) for n in range(80)]
    quiet = end(99, minutes=160 + 16)
    found = headline([*ends, quiet], Totals(Ended(), CURRENT, USUAL), NOW)
    assert found.since == ends[-1].at
    assert len(found.ends) == 8, "rows of the window only"


def test_two_names_together_where_each_alone_is_usual() -> None:
    """Without pairs, a site that is often bad hides that one firmware there is now all bad."""
    usual = groups(site=Ended(ok=1, missed=99), fw=Ended(ok=1, missed=99))
    current = groups(site=Ended(ok=1, missed=99), fw=Ended(ok=2, missed=90))
    alone: dict[str, Any] = {"model": "", "command_type": "", "sender": ""}
    before = [
        end(n, minutes=15 + n, **(alone | ({"fw": "1.3"} if n % 2 else {"site": "lyon"})))
        for n in range(100, 200)
    ]
    ends = [end(n, **alone) for n in range(9)]
    found = headline([*ends, *before], Totals(Ended(), current, usual), NOW)
    assert found.conditions == (TURKU, Condition(Kind.FW, "1.4.1"))
    assert found.sentence == "turku, firmware 1.4.1: 9 missed since 11:10."
    assert found.ends == tuple(ends)
    often = [end(n, minutes=15 + n / 10, **alone) for n in range(100, 400)]
    assert not headline([*ends, *often], Totals(Ended(), current, usual), NOW).conditions


def test_all_well_counts_the_last_hour() -> None:
    """Without it, silence may mean that nothing was counted."""
    assert headline([], Totals(Ended(ok=1_200, late=10, missed=4)), NOW) == Headline(
        "All well: 1,210 of 1,214 answered in the last hour, 4 missed.", is_well=True
    )
    assert headline([], Totals(Ended(ok=90, failed=3)), NOW).sentence == (
        "All well: 93 of 93 answered in the last hour, 3 failed."
    )
    assert headline([], Totals(), NOW).sentence == "Nothing ended in the last hour."
    nothing = headline([], Totals(), NOW)
    assert (nothing.outcome, nothing.command_ids, nothing.device_ids) == (None, (), ())


def test_what_has_nothing_in_common_is_not_called_well() -> None:
    """Without it, "all well" stands above a fleet of which half is silent."""
    ends = scattered(10)
    found = headline(ends, Totals(Ended(ok=9, missed=10)), NOW)
    assert found.sentence == "10 of 19 ended badly in the last hour, with nothing in common."
    assert (found.is_well, len(found.ends), found.since) == (False, 10, ends[-1].at)
    assert headline([], Totals(Ended(missed=1)), NOW).since is None
    bad, good = groups(type=Ended(ok=80, missed=20)), groups(type=Ended(ok=1_000, missed=10))
    hour = Ended(ok=80, missed=20)
    assert not headline(ends, Totals(hour, bad, good), NOW).is_well
    usual = headline(ends, Totals(hour, bad, bad), NOW)
    assert (usual.is_well, usual.sentence) == (True, "80 of 100 answered in the last hour, 20 missed.")
    assert headline(ends[:4], Totals(hour, bad, good), NOW).is_well
    assert headline(ends, Totals(hour, bad), NOW).is_well


def test_what_is_older_or_still_to_come_is_left_out() -> None:
    """Without the window, yesterday's outage stays."""
    outside = [end(n, minutes) for n, minutes in enumerate((15.001, 16, 1_440, 2_000, -1))] * 2
    assert headline(outside, Totals(Ended(ok=10)), NOW).is_well


@pytest.mark.parametrize("now", [NOW, NOW.replace(minute=5), NOW.replace(hour=0, minute=0)])
def test_current_hours_hold_the_window(now: datetime) -> None:
    """Without it, ends of the window are compared with themselves."""
    begin = current_from(now)
    assert begin <= now - WINDOW < begin + timedelta(hours=1)
    assert (begin.minute, begin.second, begin.microsecond) == (0, 0, 0)


NAMES = st.sampled_from(["", "a", "b", "\x1b[31m", "ü" * 60])
TIMES = st.integers(-300, 4_500).map(lambda seconds: NOW - timedelta(seconds=seconds))
BADLY = st.sampled_from([Phase.FAILED, Phase.MISSED, Phase.EXPIRED])
RECENT = st.builds(
    RecentEnd, TIMES, st.uuids().map(str), NAMES, BADLY, NAMES, NAMES, NAMES, NAMES, NAMES, st.one_of(st.none(), NAMES)
)  # fmt: skip


GROUPS = st.lists(
    st.builds(
        GroupTotals,
        st.sampled_from(GroupKind),
        NAMES,
        st.builds(Ended, ok=st.integers(0, 30), missed=st.integers(0, 30)),
    ),
    max_size=8,
    unique_by=lambda group: (group.kind, group.name),
).map(tuple)


@settings(deadline=None)
@given(st.lists(RECENT, max_size=40), GROUPS, GROUPS)
def test_whatever_ends_the_set_keeps_its_bounds(
    ends: list[RecentEnd], current: tuple[GroupTotals, ...], usual: tuple[GroupTotals, ...]
) -> None:
    """Without them, the sentence says what the rows behind it do not."""
    totals = Totals(Ended(ok=100), current, usual)
    found = headline(ends, totals, NOW)
    recent = [one for one in ends if NOW - WINDOW < one.at <= NOW]
    assert found == headline(ends[::-1], totals, NOW)
    assert found.sentence.isprintable()
    assert set(found.ends) <= set(recent)
    if found.conditions:
        assert len(found.conditions) <= 2
        assert set(found.ends) == {one for one in recent if all(c.holds(one) for c in found.conditions)}
        assert len(found.ends) >= 5
        rest = len(recent) - len(found.ends)
        assert f" {rest:,} " in found.others if len(found.ends) < 0.8 * len(recent) else not found.others
        assert all(c.holds(one) for c in found.shared for one in found.ends)
        assert f"{len(found.ends):,} " in found.sentence
