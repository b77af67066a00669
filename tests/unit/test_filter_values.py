"""What is said of a filter whose values do not occur, and how groups are offered."""

import pytest

from console.domain.filters.completion import completions
from console.domain.filters.language import Scope, parse_filter
from console.domain.filters.values import MOST, Group, KnownValues, Note, known_values, notes, quoted

SITES = ("warehouse-east", "warehouse-west", "lyon", "old warehouse", "Porto")
KNOWN = known_values(
    {"site": SITES, "model": (), "template": ("Feed pump",), "slug": ("feed-pump",), "parent": ("GW-1",)},
    [
        Group("grp-1", "Feed pumps"),
        Group("grp-2", "Boosters"),
        Group("grp-3", "boosters"),
        Group("dyn-1", "Odd", can_be_evaluated=False),
        Group("dyn-2", "", can_be_evaluated=True),
        Group("dyn-3", "dyn-2"),
        Group("dyn-4", 'a "quoted" one'),
        Group("north", "North"),
        Group("dyn-5", "Shared"),
        Group("dyn-6", "shared", can_be_evaluated=False),
    ],
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "site:warehouse",
            "No site is exactly “warehouse”: site:warehouse* finds warehouse-east, warehouse-west.",
        ),
        ("-site:WAREHOUSE", "No site is exactly “warehouse”: site:warehouse* finds"),
        ("site:lyon,east", "No site is exactly “east”: site:*east* finds warehouse-east."),
        ('site:"old w"', 'No site is exactly “old w”: site:"old w"* finds old warehouse.'),
        ("site:lion", "There is no site “lion”: the nearest is lyon."),
        ("site:x", "There is no site “x”: choose from warehouse-east, warehouse-west, lyon …."),
        ("model:PX", "There is no model “px”: this tenant has none."),
        ("parent:gw-1", "There is no parent “gw-1”"),
        ("site:lyon site:warehouse* fw:7 word age>1h", None),
        ("template:feed-pump", None),
        ("template:feed", "No template is exactly “feed”: template:feed* finds Feed pump."),
    ],
)
def test_a_value_that_is_the_beginning_or_a_part_of_some_is_reported(text, message):
    """Without it site:warehouse finds nothing of warehouse-east and says nothing."""
    found = notes(parse_filter(text, Scope.DEVICES), KNOWN)
    assert [note.is_fault for note in found] == [False] * bool(message)
    if message:
        assert message in found[0].sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group:feed", "No group is exactly “feed”: group:feed* finds Feed pumps."),
        ("group:bosters", "There is no group “bosters”: the nearest is Boosters."),
        ("group:zzz", "There is no group “zzz”: choose from Feed pumps, grp-2, grp-3 …."),
        ("group:south*", "No group matches “south*”: choose from Feed pumps"),
        ("group:odd", "The members of the group “Odd” are unknown: its filter has other conditions"),
        ("group:dyn-1", "The members of the group “dyn-1” are unknown"),
        ("group:o*", "The members of the group “Odd” are unknown"),
        ("group:north,d*", "The members of the group “dyn-6” are unknown"),
        ("-group:b*,dyn-?", "The members of the group “dyn-6” are unknown"),
        ("-group:*", "The members of the group “Odd” are unknown"),
        ("-group:shared", "The members of the group “Shared” are unknown"),
        ("group:dyn-6", "The members of the group “dyn-6” are unknown"),
        ('group:"feed pumps",grp-1,north,b*,g*,dyn-5', None),
    ],
)
def test_a_group_that_is_not_there_or_not_understood_is_a_fault(text, message):
    """Without it a group with a typing error is an empty fleet, and one of an unknown kind all of it."""
    found = notes(parse_filter(text, Scope.COMMANDS), KNOWN)
    assert [note.is_fault for note in found] == [True] * len(found)
    assert bool(found) is bool(message)
    if message:
        assert message in found[0].sentence


def test_groups_are_offered_by_name_and_by_id_where_two_are_named_alike():
    assert KNOWN.values["group"] == (
        "Feed pumps",
        "grp-2",
        "grp-3",
        "Odd",
        "dyn-2",
        "dyn-3",
        "dyn-4",
        "North",
        "dyn-5",
        "dyn-6",
    )
    assert KNOWN.broken == {"dyn-1", "odd", "dyn-6", "shared"}
    assert KNOWN.whole == {"site", "model", "template", "parent", "group"}


def test_groups_are_judged_beyond_those_that_are_offered(monkeypatch):
    """Without it a tenant of many groups has no unknown one, and what was to be kept out is sent to."""
    groups = [Group(f"g{n}", "") for n in range(MOST + 50)] + [Group("odd", "", can_be_evaluated=False)]
    known = known_values({}, groups)
    assert len(known.values["group"]) == MOST
    for text, message in (
        ("group:x", "There is no group"),
        ("-group:x*", "No group matches"),
        ("group:odd", "The members"),
    ):
        (note,) = notes(parse_filter(text, Scope.DEVICES), known)
        assert note.is_fault
        assert note.sentence.startswith(message)
    assert notes(parse_filter("-group:g1049", Scope.DEVICES), known) == ()
    monkeypatch.setattr("console.domain.filters.values.MOST_GROUPS", MOST)
    known = known_values({}, groups)
    for text in ("group:x", "-group:x*", "group:g1"):
        (note,) = notes(parse_filter(text, Scope.DEVICES), known)
        assert note.is_fault
        assert "may match groups that were not looked at" in note.sentence


def test_only_the_notes_that_are_shown_are_made_faults_first():
    """Without it a pasted list of values is compared with all that occur, at every key."""
    text = "site:lyonx,lyony,lyonz model:a,b,c group:zzz,yyy"
    assert [note.is_fault for note in notes(parse_filter(text, Scope.DEVICES), KNOWN, 2)] == [True, True]
    every = [note.sentence for note in notes(parse_filter(text, Scope.DEVICES), KNOWN)]
    assert len(every) == 8
    sites = ",".join(f"lyon{n}" for n in range(9))
    near = [note.sentence for note in notes(parse_filter(f"site:{sites}", Scope.DEVICES), KNOWN)]
    assert ["nearest" in sentence for sentence in near] == [True] * 5 + [False] * 4


def test_what_may_not_be_all_is_not_reported_as_missing():
    many = known_values({"site": tuple(f"s{n}" for n in range(MOST))}, [])
    assert notes(parse_filter("site:x", Scope.DEVICES), many) == ()
    loaded = KnownValues().with_more({"type": ("reboot", "ping")})
    assert notes(parse_filter("type:dance by:alice", Scope.COMMANDS), loaded) == ()
    (note,) = notes(parse_filter("type:reb", Scope.COMMANDS), loaded)
    assert note == Note("No command type is exactly “reb”: type:reb* finds reboot.")
    (kind,) = notes(parse_filter("kind:late", Scope.PROBLEMS), KnownValues({"kind": ("late ack",)}))
    assert "kind:late* finds late ack" in kind.sentence
    assert notes(parse_filter("kind:zz", Scope.PROBLEMS), KnownValues())[0].sentence.startswith(
        "There is no kind of"
    )
    assert KNOWN.with_more({"site": ("turku",)}).values["site"] == (*SITES, "turku")
    several = notes(
        parse_filter("site:s", Scope.DEVICES), KnownValues({"site": tuple(f"s{n}" for n in range(9))})
    )
    assert several[0].sentence.endswith("site:s* finds s0, s1, s2 and 6 more.")


def test_values_are_quoted_where_a_character_would_mean_something_else():
    assert [quoted(text) for text in ("lyon", "a b", "a,b", "a*")] == ["lyon", '"a b"', '"a,b"', '"a*"']


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("site:ware", ("site:warehouse-east", "site:warehouse-west", "site:ware*")),
        ("site:east", ("site:*east*",)),
        ("site:lyo", ("site:lyon",)),
        ("site:lyon", ()),
        ("site:", tuple(f"site:{site}" for site in (*SITES[:3], '"old warehouse"', "Porto"))),
        ("site:nothing", ()),
        ("site:w*", ()),
    ],
)
def test_the_pattern_for_all_that_begin_so_is_offered(text, offers):
    assert completions(text, len(text), Scope.DEVICES, {"site": SITES}) == offers
