"""The values and rules of the command channel, without I/O; standard library only."""
