"""The files under share/: ``python -m release.share`` writes them anew, with the tools that scripts/build installs.

They are committed, so that a reader sees them, and a build needs no parser; tests compare them with the parser.
"""

from pathlib import Path

from release.completion import SHELLS, completion
from release.man_page import man_page

ROOT = Path(__file__).parents[1]
SHARE = ROOT / "share"
MAN_PAGE = SHARE / "man/man1/device-console.1"


def files() -> dict[Path, str]:
    """Return all files with their text."""
    return {MAN_PAGE: man_page()} | {SHARE / path: completion(shell) for shell, path in SHELLS.items()}


def main() -> None:
    """Write them."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
