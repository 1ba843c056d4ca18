"""Pictures, voice and films, in and out, between the real service and the simulated platform."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.channels.port import Accepted, Attachment, Fetched, NeverDelivered, Reply, TryLater, Unclear
from bot.channels.wechat import Account, calls
from bot.channels.wechat.media import Media
from bot.channels.wechat.render import CARRIED
from bot.http.files import FILES
from bot.media import LARGEST
from bot.model import ExternalId, HotelId
from bot.simulator import Switches
from tests.conftest import FixedClock, SettingsMaker
from tests.contract.site import ONE
from tests.contract.test_wechat_client import ID, Desk, desk, serving
from tests.contract.town import Town, living, until
from tests.media_files import film, picture, voice

__all__ = ["desk"]


def attached(kind: str, type_: str, data: bytes, name: str = "夜景.jpg") -> Reply:
    return Reply("", file=Attachment(kind, type_, name, data, "https://desk.example/files/1"))


@pytest.fixture
async def town(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Town]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with living(make_settings()) as made:
        yield made


# ---- the client's side


async def test_a_file_is_fetched_by_its_media_id(desk: Desk) -> None:
    store = desk.simulator.state.media
    shown, heard, seen = store.put("image", b"p"), store.put("voice", b"v"), store.put("video", b"f")
    for media, data in ((shown, b"p"), (heard, b"v"), (seen, b"f")):
        found = await desk.client.fetch(ID, media, LARGEST)
        assert isinstance(found, Fetched)
        assert found.data == data
    desk.clock.forward(days=3)
    assert await desk.client.fetch(ID, shown, LARGEST) == NeverDelivered("media_gone")
    assert await desk.client.fetch(ID, "nonsense", LARGEST) == NeverDelivered("media_gone")


async def test_a_film_lies_at_an_address_of_the_platforms_own(desk: Desk) -> None:
    desk.simulator.state.switch({"films_by_address": True})
    media = desk.simulator.state.media.put("video", film())
    assert await desk.client.fetch(ID, media, LARGEST) == Fetched(film(), "film.mp4")
    assert await desk.client.fetch(ID, media, 100) == NeverDelivered("file_too_large")


@pytest.mark.parametrize(
    ("host", "trusted"),
    [("api.weixin.qq.com", True), ("v.qq.com", True), ("qq.com.evil.example", False), ("127.0.0.1", False)],
)
def test_films_are_taken_from_the_platforms_hosts_alone(host: str, trusted: bool) -> None:
    assert Account(ID, "wx", "s", "t").keeps_films_at(host) is trusted


class Platform(calls.Calls):
    """Answers each question for a file with an address, and counts who is asked for what lies there."""

    def __init__(self, address: str) -> None:
        self.address, self.asked = address, list[str]()

    async def make(self, account: Account, call: calls.Call) -> calls.Answer:
        return calls.Answer("text/plain", json.dumps({"video_url": self.address}).encode())

    async def at(self, address: str, call: calls.Call) -> calls.Answer:
        self.asked.append(address)
        return calls.Answer("video/mp4", b"film")


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://mpvideo.qq.com/a.mp4", True),
        ("http://169.254.169.254/latest", False),
        ("https://qq.com.evil.example/a.mp4", False),
        ("https://api.weixin.qq.com@evil.example/a.mp4", False),
        ("ftp://mpvideo.qq.com/a.mp4", False),
        ("file:///etc/passwd", False),
    ],
)
async def test_nobody_else_is_asked_for_a_film(address: str, taken: bool) -> None:
    platform = Platform(address)
    found = await Media(platform).fetch(Account(ID, "wx", "s", "t"), "media", LARGEST)
    assert found == (Fetched(b"film", None) if taken else NeverDelivered("film_elsewhere"))
    assert platform.asked == ([address] if taken else [])


async def test_what_is_too_large_is_not_read_to_its_end(desk: Desk) -> None:
    media = desk.simulator.state.media.put("image", b"x" * 300_000)
    assert await desk.client.fetch(ID, media, 100_000) == NeverDelivered("file_too_large")


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, TryLater(2, "busy")),
        (40007, NeverDelivered("media_gone")),
        (45009, NeverDelivered("daily_quota")),
        (40001, Fetched(b"p", None)),
    ],
)
async def test_a_refused_file_has_an_outcome(
    desk: Desk, errcode: int, expected: Fetched | TryLater | NeverDelivered
) -> None:
    media = desk.simulator.state.media.put("image", b"p")
    desk.simulator.state.switch({"media_errcode": errcode, "media_faults": 1})
    found = await desk.client.fetch(ID, media, LARGEST)
    assert (found.data if isinstance(found, Fetched) else found) == (
        expected.data if isinstance(expected, Fetched) else expected
    )


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (attached("image", "image/jpeg", picture()), "image"),
        (attached("voice", "audio/amr", voice()), "voice"),
        (attached("video", "video/mp4", film()), "video"),
    ],
)
async def test_a_file_goes_out_as_what_it_is(desk: Desk, reply: Reply, kind: str) -> None:
    assert await desk.send(reply) == Accepted()
    (said,) = desk.simulator.answers(desk.guest)
    stored = desk.simulator.state.media.get(said.media)
    assert (said.kind, stored and stored.data) == (kind, reply.file and reply.file.data)


async def test_what_the_platform_doesnt_carry_goes_as_its_address(desk: Desk) -> None:
    large = b"x" * (CARRIED["image"][1] + 1)
    told = "夜景.jpg\nhttps://desk.example/files/1"
    assert await desk.send(attached("file", "application/pdf", b"%PDF")) == Accepted()
    assert await desk.send(attached("image", "image/jpeg", large)) == Accepted()
    assert desk.heard() == [told, told]
    assert desk.calls("media/upload") == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("cut_after", Unclear("connection_lost")), ("cut_before", Unclear("connection_lost"))],
)
async def test_a_picture_that_breaks_off_midway_is_unclear(desk: Desk, fault: str, expected: object) -> None:
    desk.simulator.state.switch({"send_fault": fault, "send_faults": 1})
    assert await desk.send(attached("image", "image/jpeg", picture())) == expected
    assert desk.calls("message/custom/send") == 1


async def test_an_upload_that_fails_has_sent_nothing(desk: Desk, clock: FixedClock) -> None:
    desk.simulator.state.switch({"verified": False})
    assert await desk.send(attached("image", "image/jpeg", picture())) == NeverDelivered("not_authorised")
    async with serving(desk.account, clock) as client:
        original = calls.Calls.make

        async def cut(self: calls.Calls, account: Account, call: calls.Call) -> Any:
            return Unclear("timeout") if "upload" in call.path else await original(self, account, call)

        client.calls.make = cut.__get__(client.calls)  # type: ignore[method-assign]
        found = await client.send(ID, ExternalId("o"), attached("image", "image/jpeg", picture()))
    assert found == TryLater(3, "upload_timeout")


# ---- the whole way


async def test_a_picture_a_voice_message_and_a_film_are_kept(town: Town) -> None:
    follower = await town.guest()
    for kind, data in (("image", picture(300, 200)), ("voice", None), ("shortvideo", None)):
        given = {"data": base64.b64encode(data).decode()} if data else {}
        town.simulator.act(follower, {"do": "send", "kind": kind, **given})
    kept = [content.file for _, content in await town.logged("media_kept", 3)]
    assert {file.kind for file in kept if file} == {"image", "voice", "video"}
    heard = next(file for file in kept if file and file.kind == "voice")
    assert (heard.type, heard.seconds) == ("audio/mpeg", pytest.approx(2.0, abs=0.1))
    said = [shown.text for shown in await town.simulator.heard(follower, 4)]
    assert any("还听不了语音" in text for text in said)
    assert not any("/media/" in entry.title for entry in town.simulator.state.wire if entry.kind == "push")


async def test_a_place_and_a_page_are_kept_in_words_and_nothing_is_fetched(town: Town) -> None:
    follower = await town.guest()
    for kind in ("location", "link", "file"):
        town.simulator.act(follower, {"do": "send", "kind": kind})
    await town.simulator.heard(follower, 4)
    said = [(e.body["subtype"], c.details or {}) for e, c in await town.logged("guest_said", 4)][1:]
    assert {(kind, d.get("label") or d.get("title")) for kind, d in said} == {
        ("location", "星海广场"),
        ("link", "大连三日游"),
        ("file", "行程单.pdf"),
    }
    assert not [entry for entry in town.simulator.state.wire if entry.title.startswith("media/")]


async def test_a_picture_that_has_run_out_is_told_to_staff(town: Town) -> None:
    follower = await town.guest()
    town.simulator.state.switch({"media_errcode": 40007, "media_faults": 1})
    town.simulator.act(follower, {"do": "send", "kind": "image"})
    ((event, _),) = await town.logged("media_lost")
    assert event.body["why"] == "media_gone"


async def test_the_same_picture_twice_and_out_of_order_is_kept_once(town: Town) -> None:
    follower = await town.guest()
    town.simulator.state.switch({"duplicate": True, "disorder": True})
    town.simulator.act(follower, {"do": "send", "kind": "image"})
    await town.simulator.say(follower, "这是房间的灯").done
    await town.logged("media_kept")
    assert len(await town.logged("guest_said", 3)) == 3
    assert len(await town.logged("media_kept")) == 1


async def send_file(town: Town, data: bytes, name: str) -> None:
    """A colleague's file, as the desk's page sends it."""
    staff = await town.site.signed_in()
    ((event, _), *_) = await town.logged("guest_said")
    body, headers = data, {"Content-Type": "application/octet-stream", "X-File-Name": name}
    path = f"conversations/{event.conversation}/files?client_id=file-{name}&name={name}"
    status, answer = await staff.call("POST", f"/desk/v1/hotels/{ONE}/{path}", body, headers)
    assert status == 200, answer


async def test_staff_send_a_picture_and_the_phone_shows_it(town: Town) -> None:
    follower = await town.guest()
    await send_file(town, picture(64, 48), "view.jpg")
    said = (await town.simulator.heard(follower, 2))[-1]
    assert (said.kind, said.via) == ("image", "custom")


async def test_a_picture_at_the_head_is_not_lost_to_a_passive_reply(town: Town) -> None:
    """The window was shut when it was sent: the guest's next word opens it, and the picture goes first."""
    follower = await town.guest()
    follower.ledger = follower.ledger.closed()
    await send_file(town, picture(64, 48), "view.jpg")

    async def waits() -> bool:
        found = await town.site.sql("SELECT why FROM outbox WHERE kind = 'deliver' AND state = 'queued'")
        return [row[0] for row in found] == ["window_closed"]

    await until(waits)
    town.simulator.say(follower, "好了吗")
    said = (await town.simulator.heard(follower, 2))[1]
    assert (said.kind, said.via) == ("image", "custom")


@asynccontextmanager
async def poor(make_settings: SettingsMaker) -> AsyncIterator[Town]:
    switches = Switches(verified=False)
    async with living(make_settings(), switches=switches, custom_send=False) as made:
        yield made


async def test_an_account_without_custom_send_gets_the_address_with_the_next_push(
    migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker
) -> None:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with poor(make_settings) as town:
        follower = await town.guest()
        await send_file(town, picture(64, 48), "view.jpg")
        await town.simulator.say(follower, "1").done
        said = (await town.simulator.heard(follower, 2))[1]
        name, _, address = said.text.partition("\n")
        assert (name, said.via) == ("view.jpg", "passive")
        browser = await town.site.browser()
        async with browser.client.get(address[address.index("/files/") :]) as answer:
            assert answer.status == 200


async def test_unfollowing_erases_the_files_too(town: Town) -> None:
    follower = await town.guest()
    town.simulator.act(follower, {"do": "send", "kind": "image"})
    await town.logged("media_kept")
    town.simulator.unfollow(follower)
    await town.logged("guest_erased")

    async def gone() -> bool:
        blobs = [b async for h, b, _ in town.site.app[FILES].blobs.all() if h == HotelId(ONE)]
        return blobs == []

    assert await until(gone)
