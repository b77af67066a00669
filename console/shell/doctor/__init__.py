"""``doctor``: checks the set-up step by step and shows what it guarantees."""
