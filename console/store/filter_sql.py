"""A filter as SQL: a condition with parameters that means the same as `language.matches`."""

from dataclasses import dataclass, field
from datetime import datetime

from console.domain.filters.keys import AS_WRITTEN, MANY_VALUED, OF_DEVICE, ONE_SPELLING, Scope
from console.domain.filters.language import Filter, Match, Span, Word
from console.domain.filters.patterns import PIECE, glob
from console.store.filter_columns import INSTANTS, column, everything, many, many_columns, of_devices
from console.store.seen_sql import STATE_ONLY
from console.store.shape import BARE, Shape


@dataclass(slots=True)
class Conditions:
    """Conditions and their parameters; `used` is the number of parameters that the statement has already."""

    used: int
    texts: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def add(self, value: object) -> str:
        self.parameters.append(value)
        return f"${self.used + len(self.parameters)}"

    @property
    def sql(self) -> str:
        """The SQL to append to a WHERE with at least one condition."""
        return "".join(f"\n  AND {text}" for text in self.texts)


def conditions(
    wanted: Filter, used: int, now: datetime | None = None, *, shape: Shape = BARE, seen: str = STATE_ONLY
) -> Conditions:
    """Build the conditions of a filter's terms, over the aliases of its scope in `filter_columns`.

    `now` replaces the database's clock, for comparison with `language.matches`; `seen` is when a device
    was last seen.
    """
    built = Conditions(used)
    clock = "now()"
    if now is not None and any(isinstance(term, Span) for term in wanted.terms):
        clock = f"{built.add(now)}::timestamptz"
    for term in wanted.terms:
        if isinstance(term, Span):
            text = _span(term, wanted.scope, built, clock, seen)
        else:
            text = _term(term, wanted.scope, built, shape)
        built.texts.append(f"NOT COALESCE({text}, false)" if term.negated else text)
    return built


def _span(term: Span, scope: Scope, built: Conditions, clock: str, seen: str) -> str:
    instant, place = seen if term.key == "seen" else INSTANTS[scope][term.key], built.add(term.span)
    if term.key == "ttl":
        return f"{instant} {term.operator} {clock} + {place}::interval"
    flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[term.operator]
    return f"{instant} {flipped} {clock} - {place}::interval"


def _term(term: Match | Word, scope: Scope, built: Conditions, shape: Shape) -> str:
    if isinstance(term, Word):
        place = built.add(term.text)
        found = (
            f"position({place}::text IN lower(concat_ws(' ', {everything(scope, shape)}) COLLATE \"C\")) > 0"
        )
        if scope is not Scope.DEVICES or not many_columns("tag", shape):
            return found
        tag = many("tag", f'position({place}::text IN lower(g.tag COLLATE "C")) > 0', scope, shape)
        return f"({found} OR {tag})"
    places = built.add(list(term.values) if term.exact else [like(pattern) for pattern in term.patterns])
    fits_any = f"{'=' if term.exact else 'LIKE'} ANY ({places}::text[])"
    if term.key in MANY_VALUED:
        columns = many_columns(term.key, shape)
        fits = " OR ".join(f"{_folded(term.key, name)} {fits_any}" for name in columns)
        return many(term.key, f"({fits})", scope, shape) if fits else f"cardinality({places}::text[]) < 0"
    if scope is Scope.COMMANDS and term.key in OF_DEVICE and not _fits_nothing(term):
        return of_devices(_compared(term, Scope.DEVICES, shape, fits_any), term.key, shape)
    return _compared(term, scope, shape, fits_any)


def _compared(term: Match, scope: Scope, shape: Shape, fits_any: str) -> str:
    value = column(term.key, scope, shape)
    plain = AS_WRITTEN - {"parent"} if not term.exact else AS_WRITTEN
    if term.key not in plain | {"status"} and (term.key != "phase" or scope is Scope.DEVICES):
        value = f"COALESCE({value}, '')"
    return f"{_folded(term.key, value)} {fits_any}"


def _fits_nothing(term: Match) -> bool:
    """Return whether the term also matches a command whose device is not registered, or has no state."""
    return any(glob(pattern).fits(nothing) for pattern in term.patterns for nothing in ("", "unknown"))


def _folded(key: str, expression: str) -> str:
    """Fold an expression to lower case, except identifiers and values of one spelling, for their indexes."""
    if key in AS_WRITTEN | ONE_SPELLING:
        return expression
    return f'lower(({expression}) COLLATE "C")'


def like(pattern: str) -> str:
    """Convert a glob to a LIKE pattern: only ``*`` and ``?`` are wild, and not after a backslash."""
    return "".join(
        {"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": "\\\\", r"\*": "*", r"\?": "?"}.get(piece, piece)
        for piece in PIECE.findall(pattern)
    )
