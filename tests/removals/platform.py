"""What lets the console live beside a platform, whose tables are not its own."""

from tests.removals import Removal

_AUDIT = "tests/store/test_audit.py::test_"
_ADOPTING = "tests/store/test_adopting.py::test_"

REMOVALS = (
    Removal(
        "G37",
        "demanding what is used and nothing else",
        "console/store/uses.py",
        'Use("tenants", _texts("tenant_id", "name", "status"),',
        'Use("tenants", _texts("tenant_id", "name", "status", "contact_phone"),',
        f"{_ADOPTING}nothing_else_is_demanded_of_the_platforms_tables",
    ),
    Removal(
        "G37",
        "the look before the first write",
        "console/store/migrate.py",
        "                _refuse(await",
        "                tuple(await",
        f"{_ADOPTING}an_empty_database_stays_empty_unless_the_tables_are_asked_for",
    ),
    Removal(
        "G37",
        "the question before the platform's tables are made",
        "console/store/preflight.py",
        "    if not make:",
        "    if make is None:",
        f"{_ADOPTING}one_missing_table_of_the_platform_is_not_made_unasked",
    ),
    Removal(
        "G37",
        "the look at the kinds of columns",
        "console/store/uses.py",
        "    if not fits(kind, actual):",
        "    if not kind:",
        f"{_ADOPTING}a_column_of_another_kind_is_refused",
    ),
    Removal(
        "G37",
        "taking more values of a status for what is needed",
        "console/store/adoption.py",
        "        set(_VALUE.findall(needed)) <= set(_VALUE.findall(actual))",
        "        set(_VALUE.findall(needed)) == set(_VALUE.findall(actual))",
        f"{_ADOPTING}what_is_wider_than_needed_is_adopted",
    ),
    Removal(
        "G37",
        "looking at an expression without the casts of its type",
        "console/store/adoption.py",
        '    return _CASTS_OF_TEXT.sub("", text)',
        "    return text",
        f"{_ADOPTING}what_is_wider_than_needed_is_adopted",
    ),
    Removal(
        "G37",
        "the look at the record of the migrations before the roles",
        "console/store/checks.py",
        '        if login["reads_history"]:\n            await _check_migrations(connection)\n        elif not login["granted"]:',
        '        if not login["login"]:',
        f"{_ADOPTING}a_migration_that_is_not_finished_is_named",
    ),
    Removal(
        "G37",
        "the look at the cluster's roles",
        "console/store/preflight.py",
        '        if facts["is_worker"] or facts["may_grant"]:',
        '        if facts["login"]:',
        f"{_ADOPTING}a_role_of_another_database_is_named_with_the_grant",
    ),
    Removal(
        "G37",
        "passing on what is wrong with the tables themselves",
        "migrations/946_faults_of_all.sql",
        "'40', '42', '57'",
        "'40', '57'",
        f"{_ADOPTING}a_failure_that_meets_every_command_alike_puts_none_of_them_off",
    ),
    Removal(
        "G37",
        "the row of a send in the audit log",
        "console/store/commands.py",
        "await self._audit.sent(connection, (row",
        "await self._audit.sent(connection, () and (row",
        f"{_AUDIT}each_act_leaves_one_row",
    ),
    Removal(
        "G37",
        "switching the audit log off",
        "console/runtime/wiring.py",
        "CommandStore(database, audit=audit)",
        "CommandStore(database)",
        f"{_AUDIT}off_it_leaves_none",
    ),
    Removal(
        "G37",
        "asking the table for what it would say at the commit",
        "migrations/947_audit.sql",
        "    SET CONSTRAINTS ALL IMMEDIATE;",
        "    NULL;",
        f"{_AUDIT}whatever_the_table_says_against_it_the_command_is_sent_and_a_problem_says_so",
    ),
    Removal(
        "G37",
        "writing only of the operator's own commands",
        "migrations/947_audit.sql",
        "    WHERE c.tenant_id = v_tenant AND c.command_id = ANY (p_commands)",
        "    WHERE c.command_id = ANY (p_commands)",
        f"{_AUDIT}no_row_about_what_is_not_there_or_not_ones_own",
    ),
)
