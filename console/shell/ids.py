"""Ids as they are typed in the shell: complete, or a unique prefix of the id of a command or bulk send."""

from console.domain.filters.language import Scope, begins_so
from console.domain.text.safe import safe
from console.errors import InvalidInputError, NotFoundError
from console.runtime.program import Program
from console.shell.verb import BATCH, COMMAND

_LEAST = 4  # characters of a prefix, at least
_NAMED = 4


async def whole_id(program: Program, kinds: tuple[str, ...], given: str) -> str:
    """Return the id that `given` is or is a prefix of.

    Raises:
        NotFoundError: no object of these kinds has this id or prefix.
        InvalidInputError: several have this prefix, or one of the other kind has it; the sentence names them.
    """
    tenant = program.tenants[0]
    if await program.history.command(tenant, given) is not None:
        return _of_its_kind(given, given, COMMAND, kinds)
    if await program.bulk.batch(tenant, given) is not None:
        return _of_its_kind(given, given, BATCH, kinds)
    found = await _beginning(program, given) if len(given) >= _LEAST and '"' not in given else []
    if not found:
        raise NotFoundError(_nothing(given, tenant, kinds))
    wanted = [one for one in found if one[0] in kinds] or found
    if len(wanted) > 1:
        names = ", ".join(f"{one_id} ({kind}, {what})" for kind, one_id, what in wanted[:_NAMED])
        more = " and more" if len(wanted) > _NAMED else ""
        raise InvalidInputError(
            f"Several ids begin with {given[:40]!r}: {names}{more}. Type more characters."
        )
    kind, one_id, _ = wanted[0]
    return _of_its_kind(given, one_id, kind, kinds)


async def _beginning(program: Program, given: str) -> list[tuple[str, str, str]]:
    """Return kind, id and a short description of the newer objects with this prefix."""
    tenant = program.tenants[0]
    batches = await program.bulk.batches(tenant, _NAMED + 1, wanted=begins_so("id", given, Scope.BATCHES))
    page = await program.history.commands(
        tenant, wanted=begins_so("id", given, Scope.COMMANDS), limit=_NAMED + 1
    )
    return [
        *((BATCH, b.batch_id, safe(b.draft.command_type, 40)) for b in batches),
        *((COMMAND, c.command_id, safe(f"{c.command_type} to {c.device_id}", 80)) for c in page.commands),
    ]


def _of_its_kind(given: str, found: str, kind: str, kinds: tuple[str, ...]) -> str:
    if kind in kinds:
        return found
    verb = "show" if kind == COMMAND else "batch"
    raise InvalidInputError(f"{given[:40]!r} is a {kind}: look at it with `device-console {verb} {found}`.")


def _nothing(given: str, tenant: str, kinds: tuple[str, ...]) -> str:
    nothing = f"There is no {' or '.join(kinds)} {given[:128]!r} in the tenant {tenant!r}."
    if len(given) < _LEAST:
        return f"{nothing} Give the whole id, or at least {_LEAST} characters of its beginning."
    return f"{nothing} None of the newer ones begins with it either; for an older one give the whole id."
