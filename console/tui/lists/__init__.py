"""Rows of any number, read in pieces."""
