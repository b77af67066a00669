"""Text: untrusted, ASCII, JSON, durations."""
