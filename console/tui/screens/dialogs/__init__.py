"""Dialogs in front of a screen."""
