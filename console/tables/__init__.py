"""What the lists show of devices and commands: one table of columns for the screen and the shell."""
