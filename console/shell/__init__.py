"""The shell commands, one file each: what the screen does, for scripts and for plain terminals."""
