"""The command ``device-console``: answers --version at once and passes the rest on to the command line."""

import sys

from console.leaving import leave_at_once


def main() -> int:
    """Run the program; return its exit code."""
    leave_at_once()
    if sys.argv[1:] == ["--version"]:
        from console import __version__

        print(f"device-console {__version__}")
        return 0
    from console.cli.run import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
