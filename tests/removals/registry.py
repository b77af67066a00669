"""What keeps a command from more devices, or other ones, than were meant."""

from tests.removals import Removal

_REGISTRY = "tests/store/test_registry.py::test_"

REMOVALS = (
    Removal(
        "G39",
        "leaving out what is decommissioned",
        "console/store/devices.py",
        "            hidden = sendable or not wanted.shows_decommissioned\n",
        "            hidden = not wanted.shows_decommissioned\n",
        f"{_REGISTRY}nothing_that_is_decommissioned_is_chosen_by_a_filter",
    ),
    Removal(
        "G39",
        "refusing a rule with conditions of another kind",
        "console/store/group_sql.py",
        "\" THEN g.query_filter - ARRAY['status', 'tags', 'site_id'] = '{{}}'\"",
        '" THEN true"',
        f"{_REGISTRY}a_group_whose_filter_is_not_understood_matches_nothing",
    ),
    Removal(
        "G39",
        "all of a group's tags",
        "console/store/group_sql.py",
        "\" AND y.tag = w.tag #>> '{{}}'))\"",
        '"))"',
        f"{_REGISTRY}the_devices_that_a_filter_means_are_found",
    ),
    Removal(
        "G39",
        "marking nothing by a filter with an unknown group",
        "console/tui/screens/marking.py",
        '        fault = next((note.sentence for note in found if note.is_fault), "")\n',
        '        fault = ""\n',
        "tests/tui/test_screen_registry.py::"
        "test_an_unknown_group_marks_nothing_also_when_it_is_to_keep_devices_out",
    ),
    Removal(
        "G39",
        "whole words of a type",
        "console/domain/danger.py",
        "    return tuple(word.lower() for part in _PART.findall(command_type) for word in _WORD.findall(part))",
        "    return (command_type.lower(),)",
        "tests/unit/test_danger.py::test_what_a_device_may_not_come_back_from_asks[open_valve]",
    ),
    Removal(
        "G39",
        "the end of the id",
        "console/domain/danger.py",
        '    tail = id_tail(device_ids[0]) if count == 1 else ""\n',
        '    tail = ""\n',
        "tests/unit/test_danger.py::test_what_is_to_be_typed",
    ),
)
