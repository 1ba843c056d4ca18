"""python -m bot verify: is every log as it was written, and every row what its log says?"""

import argparse
import asyncio

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.commands import opening
from bot.settings import Settings
from bot.store import desk, handovers, log, outbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rebuild", action="store_true", help="first write every row anew from its log alone"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.rebuild:
        print(f"rebuilt: {asyncio.run(_rebuild(settings))} rows")
    checked, events, fault = asyncio.run(_verify(settings))
    if fault:
        print(f"BROKEN {fault}")
        return 1
    print(f"ok: {checked} conversations, {events} events")
    return 0


async def _rebuild(settings: Settings) -> int:
    """Write every conversation's row from its log; how many there are."""
    async with opening.database(settings) as opened:
        async with opened.read() as tx:
            known = await log.all_conversations(tx)
        for hotel, conversation in known:
            async with opened.write() as tx:
                await outbox.lock_conversation(tx, hotel, conversation)
                await log.rebuild(tx, hotel, conversation)
        return len(known)


async def _verify(settings: Settings) -> tuple[int, int, str | None]:
    async with opening.database(settings) as opened, opened.read() as tx:
        return await examine(tx)


async def examine(tx: AsyncConnection) -> tuple[int, int, str | None]:
    """How many conversations were checked, how many events there are, and the first broken link."""
    known = await log.all_conversations(tx)
    for number, (hotel, conversation) in enumerate(known):
        if fault := await log.first_fault(tx, hotel, conversation):
            return number + 1, 0, fault
    for one in await desk.list_hotels(tx):
        if fault := handovers.first_fault(await handovers.chain_of(tx, one.id)):
            return len(known), 0, fault
    return len(known), await log.count_events(tx), None
