"""What an operator can look at, one screen a file."""
