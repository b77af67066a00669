"""Making and judging the schema: migrations, what stands in their way, start checks."""
