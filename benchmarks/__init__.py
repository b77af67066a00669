"""What the program costs, each figure beside the floor of the same run: ``python -m benchmarks --help``.

How they are measured, and what they do not say, stands in docs/performance.md.
"""
