"""A number with its noun, in the singular or the plural."""


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 device``, ``2 devices``; ``12,000 batches`` with `many`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
