"""What the program does: one agent a file. Collaborators are passed in; no service imports store or mqtt."""
