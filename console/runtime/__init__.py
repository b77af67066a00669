"""Putting the parts together and keeping them running."""
