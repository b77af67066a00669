"""The seed of a run's chance: printed wherever it is used, repeated by CONSOLE_TEST_SEED."""

import os
import random

SEED = int(os.environ.get("CONSOLE_TEST_SEED") or random.SystemRandom().randrange(10**6))


def chance(of_what: str) -> random.Random:
    """A source of chance of its own for each purpose, so that one cannot disturb the other."""
    print(f"CONSOLE_TEST_SEED={SEED} ({of_what})")
    return random.Random(f"{SEED} {of_what}")
