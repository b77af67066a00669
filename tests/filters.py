"""Filters as they are typed, for the tests that read with one."""

from console.domain.filters.keys import Scope
from console.domain.filters.language import Filter, parse_filter


def of_devices(text: str) -> Filter:
    return parse_filter(text, Scope.DEVICES)


def of_commands(text: str) -> Filter:
    return parse_filter(text, Scope.COMMANDS)


def of_problems(text: str) -> Filter:
    return parse_filter(text, Scope.PROBLEMS)
