"""State of the console that outlives a screen."""
