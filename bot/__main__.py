"""The command line: python -m bot COMMAND.

A command is a module with `add_arguments(parser)` and `run(arguments, settings) -> exit code`; it is
imported when it is asked for, so that one that can't be imported doesn't take the others with it.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bot import logs, settings
from bot.commands import CommandFailed


@dataclass(frozen=True)
class Command:
    """Where a command lives and what it does. One that is `bare` is given the environment, unread."""

    module: str
    help: str
    bare: bool = False


COMMANDS: Mapping[str, Command] = {
    "run": Command(
        "bot.supervisor", "bring everything up on this machine and print the addresses", bare=True
    ),
    "serve": Command("bot.main", "serve guests and staff"),
    "prepare": Command(
        "bot.commands.prepare", "migrate; at first import the hotels and add an administrator"
    ),
    "migrate": Command("bot.commands.migrate", "bring the database to this release's schema"),
    "verify": Command("bot.commands.verify", "check the hash chain of every log"),
    "backup": Command("bot.commands.backup", "write everything into one file, while the service goes on"),
    "restore": Command("bot.commands.restore", "make a backup the database again", bare=True),
    "upgrade": Command(
        "bot.commands.upgrade", "tell, before an update, whether this release may take over", bare=True
    ),
    "check": Command("bot.check", "tell whether everything that is needed is there and works"),
    "hotel": Command("bot.commands.hotel", "import a hotel's facts and answers"),
    "knowledge": Command(
        "bot.commands.knowledge", "search, import or report on what guests are answered", bare=True
    ),
    "drafts": Command("bot.commands.drafts", "write trainees' replies beside what went out"),
    "corrections": Command(
        "bot.commands.corrections", "write what staff have corrected as examples to train on"
    ),
    "guest": Command("bot.commands.guest", "export or erase what is known of a guest, import a list of VIPs"),
    "staff": Command("bot.commands.staff", "add people, deactivate them, reset their passwords"),
    "account": Command(
        "bot.commands.account",
        "add or list WeChat accounts, widgets, apps and group robots, and the keys of apps and sites",
    ),
    "wechat": Command("bot.commands.wechat", "show or push an official account's menu, make QR codes"),
    "understand": Command(
        "bot.commands.understand", "tell how messages on standard input are read, as JSON lines", bare=True
    ),
    "simulate-wechat": Command(
        "bot.commands.simulate_wechat", "act as the WeChat platform, with a phone in a page"
    ),
}


def main(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command that is asked for; raises SettingsError, and exits as argparse does."""
    arguments = _parser(argv).parse_args(argv)
    command = COMMANDS[arguments.command]
    try:
        return int(import_module(command.module).run(arguments, _given(command, environment)))
    except OSError as error:
        if isinstance(error, import_module("bot.store.database").DatabaseAway):
            raise CommandFailed(f"Nothing was done: {error}") from None
        raise


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Every command with its help; the arguments of the chosen one only, since that imports it."""
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="店小二, the hotel's guest-service desk."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        its_parser = commands.add_parser(name, help=command.help, description=command.help)
        if name in argv[:1]:
            import_module(command.module).add_arguments(its_parser)
    return parser


def _given(command: Command, environment: Mapping[str, str]) -> Any:
    if command.bare:
        return environment
    found = settings.read(environment)
    logs.configure(found.log_level)
    return found


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:], settings.given(Path(".env"), os.environ))
        sys.stdout.flush()
        sys.exit(code)
    except (settings.SettingsError, CommandFailed) as error:
        sys.exit(f"{error}")
    except BrokenPipeError:  # whoever read along, as `head` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
