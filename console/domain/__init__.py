"""What the command channel is about: pure values and rules, standard library only."""
