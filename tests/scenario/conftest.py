"""One Rasa for the whole run; an installation of its own for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.rasa_servers import Assistant
from tests.scenario.world import World, running


@pytest.fixture(scope="session")
def assistant() -> Iterator[Assistant]:
    """Real Rasa and the real action server, with the model of `make train`."""
    started = Assistant()
    try:
        started.start()
        yield started
    finally:
        started.remove()


@pytest.fixture
async def world(tmp_path: Path, assistant: Assistant) -> AsyncIterator[World]:
    async with running(tmp_path, assistant) as made:
        yield made
