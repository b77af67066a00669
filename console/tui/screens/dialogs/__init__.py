"""Screens that stand before another one."""
