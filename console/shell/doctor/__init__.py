"""``doctor``: checks the set-up step by step and shows what it guarantees."""

from console.shell.doctor.command import VERB

__all__ = ["VERB"]
