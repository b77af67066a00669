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
        "a fault for one group among several that cannot be told",
        "console/domain/filters/values.py",
        "    broken = next((value for value in fits if fold(value) in known.broken), None)\n",
        "    broken = fits[0] if fits and all(fold(value) in known.broken for value in fits) else None\n",
        "tests/unit/test_filter_values.py::test_a_group_that_is_not_there_or_not_understood_is_a_fault",
    ),
    Removal(
        "G39",
        "judging all groups",
        "console/store/devices.py",
        "connection.fetch(groups, tenant_id, MOST_GROUPS)",
        "connection.fetch(groups, tenant_id, MOST)",
        f"{_REGISTRY}of_many_groups_all_are_judged",
    ),
    Removal(
        "G39",
        "looking into lists within a group's tags",
        "console/store/group_sql.py",
        "'strict $.tags[*] ? ",
        "'$.tags[*] ? ",
        f"{_REGISTRY}a_group_whose_filter_is_not_understood_matches_nothing",
    ),
    Removal(
        "G39",
        "a fault for tags that may not be read",
        "console/store/group_sql.py",
        'RULE_IS_KNOWN.format() + ("" if shape.has("device_tags", "tag") else _TAGLESS)',
        "RULE_IS_KNOWN.format()",
        f"{_REGISTRY}a_rule_with_tags_is_not_understood_where_tags_may_not_be_read",
    ),
    Removal(
        "G39",
        "waiting for marks that are looked up",
        "console/tui/screens/device_marks.py",
        "            self._looks_up = words\n",
        "",
        "tests/tui/test_screen_registry.py::test_nothing_is_done_with_marks_that_are_still_looked_up",
    ),
    Removal(
        "G39",
        "asking before the rest of a batch",
        "console/shell/resume.py",
        "    await ask_first(program, job.device_ids, job.draft.command_type, yes=options.yes)\n",
        "",
        "tests/e2e/test_asking_in_the_shell.py::"
        "test_a_batch_is_sent_again_or_gone_on_with_only_when_that_is_typed",
    ),
    Removal(
        "G39",
        "forgetting what was typed before the question",
        "console/shell/asking.py",
        "        termios.tcflush(sys.stdin, termios.TCIFLUSH)\n",
        "        pass\n",
        "tests/e2e/test_asking_in_the_shell.py::test_what_was_typed_before_the_question_is_no_answer",
    ),
    Removal(
        "G39",
        "words written together",
        "console/domain/danger.py",
        "        return found is not None and found[0] in self.words\n",
        "        return False\n",
        "tests/unit/test_danger.py::test_what_a_device_may_not_come_back_from_asks[resetdevice]",
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
        "console/tui/screens/device_marks.py",
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
