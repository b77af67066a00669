"""Pure functions: values in, text out."""
