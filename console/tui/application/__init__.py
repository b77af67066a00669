"""The application that opens the screens."""
