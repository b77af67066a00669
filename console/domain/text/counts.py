"""A number with what is counted, in the singular or the plural."""


def counted(count: int, one: str, many: str = "") -> str:
    """``1 device``, ``2 devices``, ``12,000 batches`` where `many` is given."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
