"""What the service needs and whether it is there. Asks; changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot.settings import Settings
from bot.store import migrate
from bot.store.database import Database

TIMEOUT = 2.0


class Readiness:
    """Database, schema, Rasa and Redis. Redis alone isn't needed: without it things are slower."""

    def __init__(self, database: Database, redis: "Redis | None", settings: Settings) -> None:
        self._database, self._redis, self._settings = database, redis, settings

    async def missing(self) -> list[str]:
        """Names of what is missing; empty when guests can be served."""
        found = await asyncio.gather(self.database(), self.rasa())
        return [why for why in found if why]

    async def database(self) -> str | None:
        async def look() -> str | None:
            try:
                await migrate.require_fit(self._database)
            except migrate.SchemaMisfit as misfit:
                return f"database: {misfit}"
            return None

        return await _bounded("database", look)

    async def rasa(self) -> str | None:
        async def look() -> str | None:
            url = f"{self._settings.rasa_url}/status"
            query = {"token": self._settings.rasa_token}
            async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
                model = (await answer.json()).get("model_file") if answer.status == 200 else None
            return None if model else "rasa: no model loaded"

        return await _bounded("rasa", look)

    async def redis(self) -> str | None:
        async def look() -> str | None:
            if self._redis is not None:
                await self._redis.ping()
            return None

        return await _bounded("redis", look)


async def _bounded(name: str, look: Callable[[], Awaitable[str | None]]) -> str | None:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await look()
    except (SQLAlchemyError, RedisError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return f"{name}: {type(error).__name__}"
