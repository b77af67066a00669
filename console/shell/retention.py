"""``retention``: for how long ended commands are kept."""

from __future__ import annotations

import argparse
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from console.errors import UsageError
from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Setup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from console.domain.retention import Retention
    from console.runtime.servers import Servers
    from console.settings import Configuration
    from console.store.access import Access
    from console.store.pool import Database


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "keep",
        metavar="DAYS",
        nargs="?",
        help="delete commands so long after their deadline, such as 400d, or off; "
        "without it, the current setting is shown",
    )
    parser.add_argument("--yes", action="store_true", help="confirm a retention below 30 days")
    parser.add_argument(
        "--platform-table",
        action="store_true",
        help="delete rows of the platform's own table, too, on which other programs may rely",
    )


async def _retention(options: argparse.Namespace, configuration: Configuration) -> int:
    """Show or set for how long ended commands are kept; running workers follow within a minute.

    Raises:
        InvalidInputError: it is not a retention.
        UsageError: it is short and not confirmed, or an option has nothing to apply to.
        RefusedError: this login is not the owner of the console's tables.
        ConflictError: the table is the platform's own, or partitioned.
    """
    from console.runtime.servers import open_servers
    from console.store.retention import retention, set_retention

    keep = _checked(options)
    async with open_servers(configuration.settings, needs_broker=False) as servers:
        if options.keep is not None:
            async with _opened(_owner(servers)) as database:
                await set_retention(database, keep, platform_table=options.platform_table)
        async with _opened(servers.access) as database:
            found = await retention(database)
    _print(found, as_json=options.json)
    return ExitCode.OK


def _checked(options: argparse.Namespace) -> timedelta | None:
    """Return the retention that was typed; None for off, or where none was."""
    from console.domain.retention import asks_first, parse_keep

    if options.keep is None:
        if options.yes or options.platform_table:
            raise UsageError("--yes and --platform-table need a retention to apply to, such as 400d.")
        return None
    keep = parse_keep(options.keep)
    if asks_first(keep) and not options.yes:
        raise UsageError(
            f"With {options.keep} the workers would delete commands within 30 days of their deadline, and "
            "nothing brings them back: add --yes if you want that."
        )
    return keep


def _print(found: Retention, *, as_json: bool) -> None:
    from console.domain.retention import OFF, keep_words

    days = None if found.keep is None else found.keep.days
    if as_json:
        output.print_json({"keep_days": days, "deletes": found.is_on, "own_table": found.is_own})
    else:
        print(OFF if days is None else f"{days}d")
    output.say(keep_words(found))


@asynccontextmanager
async def _opened(access: Access) -> AsyncIterator[Database]:
    from console.store.pool import Database

    database = Database(access, max_size=1)
    try:
        await database.open()
        yield database
    finally:
        await database.close()


def _owner(servers: Servers) -> Access:
    """Return the way in of the owner, which of embedded servers is whoever runs them, not the plain login."""
    if servers.own is None:
        return servers.access
    return replace(servers.access, url=servers.own.addresses.database_url)


VERB = Setup(
    name="retention",
    example="device-console retention 400d",
    for_host=True,
    arguments=_arguments,
    run=_retention,
    changes="sets what is deleted",
    changes_when=lambda options: options.keep is not None,
    has_json=True,
)
