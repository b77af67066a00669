"""The command ``device-console``: answers --version at once and passes the rest on to the command line."""

import sys

from console.collector import collect_rarely, spare_the_end
from console.leaving import leave_at_once


def main() -> int:
    """Run the program; return its exit code."""
    leave_at_once()
    if sys.argv[1:] == ["--version"]:
        from console import __version__

        print(f"device-console {__version__}")
        return 0
    collect_rarely()
    from console.cli.run import run

    code = run(sys.argv[1:])
    spare_the_end()
    return code


if __name__ == "__main__":
    sys.exit(main())
