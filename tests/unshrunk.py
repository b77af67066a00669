"""A plugin of pytest: what Hypothesis finds counts as it was found, without minutes of making it smaller.

A removal asks only whether its test fails. Shrinking a history of the model, each step on a real PostgreSQL, takes
longer than a removal has, and the time-out within it is one more failure that Hypothesis goes on shrinking.
"""

from hypothesis import Phase, settings

settings.register_profile("unshrunk", phases=[Phase.explicit, Phase.reuse, Phase.generate])
settings.load_profile("unshrunk")
