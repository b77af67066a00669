"""``doctor``: checks the set-up step by step and says what it guarantees."""
