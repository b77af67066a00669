"""Creating and checking the schema: migrations, obstacles to them, start checks."""
