"""One installation for each file; each test has its own visitor."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.desk_world import ScriptedAssistant
from tests.scenario.world import World, running


class Concierge(ScriptedAssistant):
    """Offers a choice where the others don't need one, and repeats what it is told to repeat."""

    def _acts(self, text: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
        if text.startswith("选"):
            options = [{"title": "对，就这样"}, {"title": "不对", "text": "不对，改一下"}]
            return [{"act": "say", "key": "assistant_again", "values": {}, "options": options}]
        return super()._acts(text, facts)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("widget")
    async with Concierge() as assistant, running(folder, assistant) as made:  # type: ignore[arg-type]
        made.until_hour(10)  # at night guests hear who comes in the morning
        yield made
