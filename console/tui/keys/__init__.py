"""What an operator can do, and by which keys."""
