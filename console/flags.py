"""Which flags may not be given where environment or file restrict whoever writes the command line.

Decided in docs/decisions/0066-restricted-to-the-console.md
"""

from collections.abc import Mapping

from console.errors import UsageError

_NEVER = ("home", "embedded", "accept_copy", "allow_export")
_ONE_OF = ("tenant", "operator")  # may be given if environment or file name them


def refuse_choice(flags: Mapping[str, object], fixed: Mapping[str, object], by: str) -> None:
    """Refuse a flag that chooses what `fixed` (the settings of environment and file) has to decide.

    Raises:
        UsageError: there is such a flag; `by`, where the restriction stands, is in the sentence.
    """
    for name in (*_NEVER, *_ONE_OF):
        given = flags.get(name)
        if given is None or (name in _ONE_OF and _names(given) <= _names(fixed.get(name))):
            continue
        raise UsageError(
            f"--{name.replace('_', '-')} cannot be chosen here: this console is restricted ({by})."
        )


def _names(value: object) -> set[str]:
    return {name.strip() for name in str(value or "").split(",")} - {""}
