"""Writing, reviewing and sending a command."""
