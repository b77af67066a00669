"""One file a shell command: what the screen does, for scripts and for a terminal without a screen."""
