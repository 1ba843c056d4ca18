"""python -m bot migrate"""

import argparse
import asyncio

from bot.commands import opening
from bot.settings import Settings
from bot.store.database import Database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: a database only goes forward, to this release."""


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    before, after = asyncio.run(_migrate(settings))
    change = "" if before == after else f"; it was at {before or 'nothing'}"
    print(f"The database is at {after}{change}.")
    return 0


async def _migrate(settings: Settings) -> tuple[str, str]:
    opened = Database(settings.database_url)
    try:
        return await opening.migrate(opened)
    finally:
        await opened.close()
