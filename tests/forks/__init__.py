"""Starts of the program that cost no import: a server has read the libraries once and forks for each start.

What is forked is a process of its own in every respect: its streams, signals, session, environment, folder and exit
code. All of ``console`` is imported in it anew, by the program, in the program's order. What only the start of an
interpreter decides (its locale, PYTHON* and the like) is a server's for all that it forks: there is one for each.
"""
