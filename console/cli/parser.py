"""The grammar of the command line: every command, its flags and an example of its use."""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from console import __version__
from console.exit_codes import sentence
from console.shell.registry import SUMMARIES, VERBS

_ENVIRONMENT = (
    "environment: DATABASE_URL, MQTT_URL, CONSOLE_TENANT, CONSOLE_OPERATOR, CONSOLE_READ_ONLY, CONSOLE_HOME; "
    "`device-console config show` lists all. Without DATABASE_URL and MQTT_URL the program starts its own "
    "servers with demo data."
)

_EXAMPLES = """examples:
  device-console --tenant acme                   open the screen
  device-console --tenant acme devices --json    run a shell command

over SSH:
  device-console --serve-ssh 0.0.0.0:2222        prints the fingerprint of its host key
  ssh -p 2222 console.example.com                the screen
  ssh -p 2222 console.example.com devices        a shell command

  Who may come in, and as whom, is said by the file CONSOLE_AUTHORIZED_KEYS, by
  default authorized_keys in the configuration folder. A line of it:
  environment="CONSOLE_TENANT=acme",environment="CONSOLE_OPERATOR=kim" ssh-ed25519 ...
  environment="CONSOLE_READ_ONLY=1" lets a key only look, expiry-time="20270101" ends it.
  Log in again within ten minutes after the line was cut: all is as you left it.
  With an sshd of your own, in the authorized_keys of an account made for it:
  restrict,pty,command="device-console --restricted --operator kim" ssh-ed25519 ...

in a browser:
  device-console --tenant acme --serve-web 8080  prints the link to open

  Whoever has the link works as the operator who started it. Only this machine can
  connect: put a proxy with TLS and logins before it, and its address into
  CONSOLE_WEB_ORIGIN. CONSOLE_WEB_TOKEN_FILE keeps the link the same for ever.
  With --guests anybody may look at the demo, without a link, and change nothing."""


class _Parser(argparse.ArgumentParser):
    """Accepts options only in full; the parsers of the commands are of this class, too.

    An abbreviation would match any option with that prefix: `--y` would send to a fleet.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.options: set[str] = set()
        self.take_a_value: set[str] = set()
        self.takes_filter_words = False
        self.verbs: dict[str, VerbParser] = {}
        super().__init__(*args, **(kwargs | {"allow_abbrev": False}))

    def add_argument(self, *names: str, **kwargs: Any) -> argparse.Action:
        """Add an argument, and record how words of the command line are to be read."""
        action = super().add_argument(*names, **kwargs)
        self.options.update(action.option_strings)
        if action.option_strings and action.nargs != 0:
            self.take_a_value.update(action.option_strings)
        self.takes_filter_words |= action.metavar == "FILTER" and not action.option_strings
        return action


class VerbParser(_Parser):
    """The parser of one shell command, whose arguments are known once the command is loaded."""

    def __init__(self, *, verb: str, **kwargs: Any) -> None:
        self._verb: str | None = verb
        super().__init__(**kwargs)

    def load(self) -> None:
        """Load the command, if it is not loaded yet, and add its arguments and its example."""
        if self._verb is None:
            return
        verb, self._verb = VERBS[self._verb], None
        self.epilog = f"example: {verb.example}"
        _common(self, nested=True)
        if verb.has_json:
            self.add_argument("--json", action="store_true", help="print JSON lines instead of a table")
        verb.arguments(self)

    def format_help(self) -> str:
        """Return the help of this command."""
        self.load()
        return super().format_help()

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse this command's part of the line."""
        self.load()
        return super().parse_known_args(*args, **kwargs)


def build_parser() -> _Parser:
    """Build the parser of the whole command line; no command is loaded for it."""
    parser = _Parser(
        prog="device-console",
        description="A terminal console for an IoT command channel. Without COMMAND it opens the screen.",
        epilog=f"{_EXAMPLES}\n\n{_ENVIRONMENT}\n\n{sentence()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"device-console {__version__}")
    parser.add_argument(
        "--sweeper",
        action="store_true",
        help="run the workers without a screen: publish commands, receive answers, end what is overdue",
    )
    parser.add_argument(
        "--listen",
        metavar="[HOST:]PORT",
        help="with --sweeper: answer /healthz, /readyz and /metrics here (HOST: 127.0.0.1)",
    )
    _serving(parser)
    parser.add_argument(
        "--accept-copy",
        action="store_true",
        default=None,
        help="allow workers in a database that was moved or restored; needed only once",
    )
    _common(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=VerbParser, prog=parser.prog
    )
    for name, summary in SUMMARIES.items():
        parser.verbs[name] = commands.add_parser(
            name,
            verb=name,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    return parser


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve-ssh",
        metavar="[HOST:]PORT",
        help="serve the screen and the shell commands over SSH, to the keys in CONSOLE_AUTHORIZED_KEYS; "
        "without HOST only this machine can connect",
    )
    parser.add_argument(
        "--serve-web",
        metavar="[HOST:]PORT",
        help="serve the screen to browsers; whoever has the link that is printed works as you. "
        "Without HOST only this machine can connect",
    )
    parser.add_argument(
        "--guests",
        action="store_true",
        help="with --serve-ssh or --serve-web: let anybody look at the demo, without a key or a link",
    )


def _common(parser: argparse.ArgumentParser, *, nested: bool = False) -> None:
    def preset(value: object) -> object:
        return argparse.SUPPRESS if nested else value

    parser.add_argument("--tenant", default=preset(None), help="the tenant, or several separated by commas")
    parser.add_argument(
        "--operator", default=preset(None), help="name recorded with what you send (default: your user name)"
    )
    parser.add_argument(
        "--read-only", action="store_true", default=preset(None), help="change nothing and run no workers"
    )
    parser.add_argument(
        "--allow-export",
        action="store_true",
        default=preset(None),
        help="with --read-only: let exports be written into files",
    )
    parser.add_argument(
        "--restricted",
        action="store_true",
        default=preset(None),
        help="no editor, no export into a file, no suspending: for logins over SSH",
    )
    parser.add_argument(
        "--quiet",
        action="store_const",
        const="on",
        default=preset(None),
        help="write next to nothing to the terminal but answers to keys: for slow lines",
    )
    parser.add_argument(
        "--embedded",
        action="store_true",
        default=preset(None),
        help="start and use the built-in demo servers",
    )
    parser.add_argument(
        "--home", default=preset(None), metavar="DIR", help="where the demo servers keep their data"
    )


def _with_negations(parser: _Parser, arguments: Sequence[str]) -> list[str]:
    """Put a space before terms like ``-status:offline``: argparse takes a leading minus for an option."""
    pairs = list(pairwise(("", *arguments)))
    plain = (word for before, word in pairs if before not in parser.take_a_value and not word.startswith("-"))
    named = parser.verbs.get(next(plain, ""))
    if named is not None:
        named.load()
    verb = named or parser
    values = parser.take_a_value | verb.take_a_value
    return [
        f" {word}"
        if _is_negated(word, verb)
        and (before == "--where" or (verb.takes_filter_words and before not in values))
        else word
        for before, word in pairs
    ]


def _is_negated(word: str, verb: _Parser) -> bool:
    """Return whether the word is a negated filter term, and not an option with a missing dash."""
    return (
        len(word) > 1 and word[0] == "-" != word[1] and not {word, f"-{word}"} & (verb.options - {"--help"})
    )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exit with code 2 if it is wrong."""
    parser = build_parser()
    options, more = parser.parse_known_args(_with_negations(parser, arguments))
    if more and hasattr(options, "text") and not any(word.startswith("-") for word in more):
        options.text += more  # words of the filter after a flag: argparse takes only those before it
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(word.strip() for word in more)}")
    if getattr(options, "where", None):
        options.where = options.where.strip()
    if options.sweeper and options.command:
        parser.error("--sweeper cannot be combined with a command")
    if options.listen and not options.sweeper:
        parser.error("--listen works only with --sweeper")
    serves = options.serve_ssh or options.serve_web
    if serves and (options.sweeper or options.command):
        parser.error("--serve-ssh and --serve-web cannot be combined with a command or --sweeper")
    if options.guests and not serves:
        parser.error("--guests works only with --serve-ssh or --serve-web")
    if getattr(options, "timeout", None) is not None and not options.wait:
        parser.error("--timeout works only with --wait: add --wait")
    return options
