"""One browser for the whole run, one installation for each file; each test has guests of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.desk_world import (
    CHROMIUM,
    CHROMIUM_ARGS,
    COLLEAGUE,
    COLLEAGUE_NAME,
    DESK,
    PATIENCE,
    ScriptedAssistant,
)
from tests.scenario.world import HOTEL, World, own_password, running

expect.set_options(timeout=PATIENCE)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: CHROMIUM names one")
    if not DESK.is_file():
        pytest.skip("the desk isn't built: `make frontend`")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("desk")
    async with ScriptedAssistant() as assistant, running(folder, assistant) as made:  # type: ignore[arg-type]
        made.bot.command("staff", "add", COLLEAGUE, COLLEAGUE_NAME, "--hotel", HOTEL)
        await own_password(made.bot, COLLEAGUE)
        made.until_hour(10)  # whenever the tests run: at night guests hear who comes in the morning
        yield made
