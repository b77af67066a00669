"""The terminal: bytes in, frames out, and every private name of Textual."""
