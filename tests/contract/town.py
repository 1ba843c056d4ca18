"""The real service and the WeChat simulator, over HTTP; the assistant is scripted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot import accounts, main
from bot.channels.wechat import Mode
from bot.http import wechat
from bot.http.guard import DATABASE, DISPATCH
from bot.model import AccountId, Content, Event, HotelId
from bot.settings import Settings
from bot.simulator import Follower, SimulatedAccount, Simulator, Switches
from bot.store import desk, log
from tests.contract.site import ONE, Site, serving
from tests.core import ScriptedEngine

ACCOUNT = AccountId("sim")


class Town:
    """One hotel group's service, its official account, and the followers' phones."""

    def __init__(self, site: Site, simulator: Simulator, engine: ScriptedEngine) -> None:
        self.site, self.simulator, self.engine = site, simulator, engine
        self.dispatch, self.worker = site.app[DISPATCH], site.app[wechat.WORKER]

    async def guest(self) -> Follower:
        """A follower who has had a first answer: what they say next is answered without introduction."""
        follower = self.simulator.follower()
        self.simulator.say(follower, "早餐几点")
        await self.simulator.heard(follower, 1)
        return follower

    async def thread(self, hotel: str = ONE, nth: int = 0) -> list[tuple[Event, Content]]:
        """All that stands in the log of the hotel's nth conversation."""
        async with self.site.app[DATABASE].read() as tx:
            ids = [id_ for at, id_ in await log.all_conversations(tx) if at == hotel]
            return await log.read_thread(tx, HotelId(hotel), ids[nth]) if len(ids) > nth else []

    async def logged(self, type_: str, count: int = 1, hotel: str = ONE) -> list[tuple[Event, Content]]:
        """The events of a type, once there are so many."""

        async def look() -> list[tuple[Event, Content]]:
            found = [pair for pair in await self.thread(hotel) if pair[0].type == type_]
            return found if len(found) >= count else []

        return await until(look)

    async def set_account(self, **config: Any) -> None:
        """Change the account's public settings."""
        async with self.site.app[DATABASE].write() as tx:
            row = await desk.account_of(tx, "wechat", ACCOUNT)
            assert row
            await desk.save_account(tx, replace(row, config={**row.config, **config}), datetime.now(UTC))


async def until(look: Callable[[], Awaitable[Any]], within: float = 20.0) -> Any:
    async with asyncio.timeout(within):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def living(
    settings: Settings, mode: Mode = Mode.SAFE, switches: Switches | None = None, **config: Any
) -> AsyncIterator[Town]:
    simulated = SimulatedAccount.made(mode=mode)
    async with (
        serving(settings) as site,
        Simulator(simulated, f"{site.origin}/wechat/{ACCOUNT}", switches=switches) as simulator,
    ):
        known = simulated.registered(ACCOUNT, simulator.url)
        values = {
            "appid": known.appid,
            "mode": mode.value,
            "original_id": known.original_id,
            "api": known.api,
            "secret": known.secret,
            "token": known.token,
            "aes_keys": list(known.aes_keys),
            **config,
        }
        async with site.app[DATABASE].write() as tx:
            now = datetime.now(UTC)
            seal = main.seal_of(settings)
            await accounts.save(tx, seal, "wechat", ACCOUNT, HotelId(ONE), values, now)
        engine = ScriptedEngine()
        await site.app[wechat.WORKER].engine.close()
        site.app[wechat.WORKER].engine = engine  # type: ignore[assignment]
        yield Town(site, simulator, engine)
