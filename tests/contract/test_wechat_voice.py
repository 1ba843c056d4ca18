"""A voice message with a speech recogniser behind an address: what it hears is answered, the voice stays."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bot.conversation import Conversation
from bot.http.guard import DATABASE
from bot.model import EventType, HotelId, State
from bot.speech import HttpRecogniser
from bot.store import log
from tests.conftest import SettingsMaker
from tests.contract.site import ONE
from tests.contract.town import Town, living, until


@dataclass
class Ears:
    """A recogniser: says what the test has put there, as it wants to."""

    answer: web.Response | dict[str, object] = field(default_factory=lambda: {"text": "早餐几点"})
    heard: list[tuple[str, int]] = field(default_factory=list)
    url: str = ""

    async def recognise(self, request: web.Request) -> web.Response:
        self.heard.append((request.content_type, len(await request.read())))
        return self.answer if isinstance(self.answer, web.Response) else web.json_response(self.answer)


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    made = Ears()
    app = web.Application(client_max_size=10_000_000)
    app.add_routes([web.post("/hear", made.recognise)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hear"
    yield made
    await runner.cleanup()


@pytest.fixture
async def town(
    migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker, ears: Ears
) -> AsyncIterator[Town]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with living(make_settings(SPEECH_URL=ears.url)) as made:
        yield made


async def row_of(town: Town) -> Conversation:
    ((event, _), *_) = await town.thread()
    async with town.site.app[DATABASE].read() as tx:
        found = await log.row_of(tx, HotelId(ONE), event.conversation)
    assert found
    return found


async def test_what_is_heard_is_asked_and_the_voice_stays(town: Town, ears: Ears) -> None:
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    said = (await town.simulator.heard(follower, 2))[1]
    assert "06:30" in said.text
    assert town.engine.asked[-1][0] == "早餐几点"
    ((kind, size),) = ears.heard
    assert kind == "audio/mpeg"
    assert size > 1000
    ((heard, content),) = await town.logged("voice_heard")
    ((_, kept),) = await town.logged("media_kept")
    assert content.text == "早餐几点"
    assert kept.file
    assert kept.file.kind == "voice"
    assert heard.body["seq"] == (await town.logged("guest_said", 2))[1][0].seq


@pytest.mark.parametrize(
    "answer",
    [{"text": ""}, {"words": "x"}, {"text": 5}],
)
async def test_what_isnt_heard_is_said_politely(town: Town, ears: Ears, answer: dict[str, object]) -> None:
    ears.answer = answer
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    said = (await town.simulator.heard(follower, 2))[1]
    assert "还听不了语音" in said.text
    assert len(town.engine.asked) == 1


async def test_a_voice_that_never_comes_is_said_politely_too(town: Town) -> None:
    follower = await town.guest()
    town.simulator.state.switch({"media_errcode": 40007, "media_faults": -1})
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    said = (await town.simulator.heard(follower, 2))[1]
    assert "还听不了语音" in said.text
    assert not (await row_of(town)).pending


async def test_an_emergency_that_is_heard_rings(town: Town, ears: Ears) -> None:
    ears.answer = {"text": "着火了，快来人"}
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    said = (await town.simulator.heard(follower, 2))[1]
    assert "119" in said.text
    assert (await row_of(town)).alarm_kind == "fire"
    assert (await row_of(town)).state is State.WAITING


async def test_what_the_platform_has_heard_itself_needs_no_recogniser(town: Town, ears: Ears) -> None:
    town.worker.fetching.speech = None
    town.dispatch.hears = False
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "voice", "recognition": "早餐几点。"})
    said = (await town.simulator.heard(follower, 2))[1]
    assert "06:30" in said.text
    assert "听不了语音" not in said.text
    ((_, content),) = await town.logged("voice_heard")
    assert content.text == "早餐几点。"
    ((_, kept),) = await town.logged("media_kept")
    assert kept.file
    # Also where the file itself can't be had: somebody in danger isn't asked to type.
    town.simulator.state.switch({"media_errcode": 40007, "media_faults": -1})
    town.simulator.act(follower, {"do": "send", "kind": "voice", "recognition": "着火了，快来人"})
    assert "119" in (await town.simulator.heard(follower, 3))[2].text
    assert (await row_of(town)).alarm_kind == "fire"
    assert ears.heard == []


async def test_a_number_that_identifies_is_masked_in_what_is_heard(town: Town, ears: Ears) -> None:
    ears.answer = {"text": "我的身份证是11010519491231002X"}
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    ((_, content),) = await town.logged("voice_heard")
    assert "19491231" not in (content.text or "")
    assert content.sealed

    async def asked() -> bool:
        return len(town.engine.asked) == 2

    await until(asked)
    assert "19491231" not in town.engine.asked[1][0]


async def test_a_colleague_has_the_transcript_and_the_assistant_stays_silent(town: Town) -> None:
    follower = await town.guest()
    staff = await town.site.signed_in()
    ((event, _), *_) = await town.logged("guest_said")
    status, _ = await staff.desk("POST", f"conversations/{event.conversation}/claim", {})
    assert status == 200
    town.simulator.act(follower, {"do": "send", "kind": "voice"})
    ((heard, content),) = await town.logged("voice_heard")
    assert content.text == "早餐几点"
    assert heard.body["asks"] is False
    types = [e.type for e, _ in await town.thread()]
    assert types.count(EventType.ASSISTANT_SAID) == 1


async def test_a_recogniser_that_is_away_has_heard_nothing(ears: Ears) -> None:
    assert await HttpRecogniser("http://127.0.0.1:1/").recognise(b"x", "audio/mpeg") is None
    for answer in (
        web.Response(status=500),
        web.Response(text="nonsense"),
        web.Response(text="[" * 5000),
        web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    ):
        ears.answer = answer
        assert await HttpRecogniser(ears.url).recognise(b"x", "audio/mpeg") is None
    assert await asyncio.wait_for(HttpRecogniser(ears.url).recognise(b"", "audio/mpeg"), 20) is None
