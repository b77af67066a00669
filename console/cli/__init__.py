"""Flags and exit codes."""
