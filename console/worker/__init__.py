"""The program without a screen: its workers on a server."""
