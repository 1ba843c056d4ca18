"""python -m bot prepare: what a database needs before it can serve; does only what is missing."""

import argparse
import asyncio

from bot import first_start
from bot.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: it is safe to run before every start."""


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    prepared = asyncio.run(first_start.prepare(settings))
    print("\n".join(first_start.words(prepared)) or "Nothing was missing.")
    return 0
