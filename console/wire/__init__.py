"""Conversion of bytes on the wire to values and back, without I/O."""
