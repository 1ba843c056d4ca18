"""One browser for the whole run, one installation for each file; each test has guests of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.desk_world import (
    COLLEAGUE,
    COLLEAGUE_NAME,
    DESK,
    PATIENCE,
    WIDGET,
    ScriptedAssistant,
    chromium,
)
from tests.scenario.world import HOTEL, World, own_password, running

expect.set_options(timeout=PATIENCE)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not (DESK.is_file() and WIDGET.is_file()):
        pytest.skip("the pages aren't built: `make frontend`")
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("desk")
    async with ScriptedAssistant() as assistant, running(folder, assistant) as made:  # type: ignore[arg-type]
        made.bot.command("staff", "add", COLLEAGUE, COLLEAGUE_NAME, "--hotel", HOTEL)
        await own_password(made.bot, COLLEAGUE)
        made.until_hour(10)  # whenever the tests run: at night guests hear who comes in the morning
        yield made
