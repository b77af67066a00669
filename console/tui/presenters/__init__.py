"""Pure functions: values in, text out. Nothing here knows a screen, and colour is only a named tone."""
