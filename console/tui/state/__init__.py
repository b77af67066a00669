"""What lies in front of one operator, whichever screen is open."""
