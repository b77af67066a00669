"""``migrate``: the console's own schema in a configured database."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.errors import UsageError
from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Setup

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--create-platform-tables",
        action="store_true",
        help="also create the platform's tables that are missing, in a database that only the console uses",
    )


async def _migrate(options: argparse.Namespace, configuration: Configuration) -> int:
    """Bring the schema up to date; print what was done, or that nothing had to be."""
    from console.runtime.addresses import database_access
    from console.runtime.servers import is_embedded, open_servers
    from console.store.schema.migrate import migrate

    settings = configuration.settings
    if is_embedded(settings):
        if not settings.embedded:
            raise UsageError("migrate needs a database: set DATABASE_URL (embedded ones migrate themselves).")
        async with open_servers(settings):
            output.say("the embedded database is up to date")
        return ExitCode.OK
    if settings.database_url is None:
        raise UsageError("migrate needs a database: set DATABASE_URL.")
    access = database_access(settings, settings.database_url.get_secret_value())
    steps = await migrate(access, platform_tables=options.create_platform_tables)
    for step in steps:
        name = step.migration.label
        if options.json:
            output.print_json({"migration": name, "action": step.action, "notes": list(step.notes)})
        else:
            print(f"{step.action:8} {name}")
            for note in step.notes:
                output.say(f"         {note}")
    return ExitCode.OK


VERB = Setup(
    name="migrate",
    example="DATABASE_URL=postgresql://… device-console migrate",
    for_host=True,
    arguments=_arguments,
    run=_migrate,
    changes="changes the database",
    has_json=True,
)
