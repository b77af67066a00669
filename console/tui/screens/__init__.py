"""The screens; each asks and shows."""
