"""The console for others: over SSH and in a browser, all sessions in one process."""
