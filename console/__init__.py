"""device-console: a terminal console for an IoT command channel."""

__version__ = "0.1.0"
