"""Kept files: the folder and the bucket, addresses that run out, and what erasure leaves."""

import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from bot.blobs import BlobMissing, Blobs, BlobsAway
from bot.channels.port import Fetched, InboundKind, NeverDelivered, TryLater
from bot.conversation import Speak
from bot.dispatch import Received
from bot.files import BadAddress, Files
from bot.media import BadFile
from bot.model import Content, EventType, HotelId
from bot.sealing import Seal
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.contract.floor import ONE, Floor
from tests.media_files import picture, voice

HOTEL, OTHER = HotelId("xinghaihui"), HotelId("other")
SEAL = Seal({"new": b"n" * 32, "old": b"o" * 32})
KEY = "id-of-tests:secret-of-tests"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    id_, secret = KEY.split(":")
    made = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=id_,
        aws_secret_access_key=secret,
    )
    made.create_bucket(Bucket="guests")
    yield f"s3://guests/files?endpoint={endpoint}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs(f"file:{tmp_path}/blobs")
    return Blobs(request.getfixturevalue("bucket"), KEY)


async def test_what_is_put_is_there_until_it_is_deleted(blobs: Blobs) -> None:
    id_ = await blobs.put(HOTEL, b"a guest's picture")
    assert await blobs.put(HOTEL, b"a guest's picture") == id_
    assert await blobs.get(HOTEL, id_) == b"a guest's picture"
    assert [(h, b) async for h, b, _ in blobs.all()] == [(HOTEL, id_)]
    with pytest.raises(BlobMissing):
        await blobs.get(OTHER, id_)
    await blobs.delete(HOTEL, id_)
    await blobs.delete(HOTEL, id_)
    with pytest.raises(BlobMissing):
        await blobs.get(HOTEL, id_)


async def test_a_store_that_is_away_says_so() -> None:
    away = Blobs("s3://guests?endpoint=http://127.0.0.1:9", KEY)
    with pytest.raises(BlobsAway):
        await away.put(HOTEL, b"x")


@pytest.fixture
async def files(tmp_path: Path) -> Files:
    return Files(Blobs(f"file:{tmp_path}/blobs"), SEAL)


async def test_an_address_opens_one_file_of_one_hotel_for_a_while(files: Files, clock: FixedClock) -> None:
    address = files.address(HOTEL, "a" * 64, clock.now())
    path, _, query = address.partition("?")
    until, signature = (pair.partition("=")[2] for pair in query.split("&"))
    assert path == f"/files/{HOTEL}/{'a' * 64}"
    files.check(HOTEL, "a" * 64, until, signature, clock.now() + timedelta(minutes=59))
    for hotel, blob, end, sig, at in (
        (OTHER, "a" * 64, until, signature, clock.now()),
        (HOTEL, "b" * 64, until, signature, clock.now()),
        (HOTEL, "a" * 64, str(int(until) + 1), signature, clock.now()),
        (HOTEL, "a" * 64, until, "é", clock.now()),
        (HOTEL, "a" * 64, "soon", signature, clock.now()),
        (HOTEL, "a" * 64, until, signature, clock.now() + timedelta(hours=2)),
    ):
        with pytest.raises(BadAddress):
            files.check(hotel, blob, end, sig, at)


async def test_a_key_that_was_changed_still_opens_what_it_signed(files: Files, clock: FixedClock) -> None:
    before = Files(files.blobs, Seal({"old": b"o" * 32}))
    query = before.address(HOTEL, "a" * 64, clock.now()).partition("?")[2]
    until, signature = (pair.partition("=")[2] for pair in query.split("&"))
    files.check(HOTEL, "a" * 64, until, signature, clock.now())


async def test_keeping_names_what_a_page_needs(files: Files) -> None:
    kept = await files.keep(HOTEL, picture(300, 200), "房间 的灯.jpg")
    assert (kept.kind, kept.width, kept.height, kept.name) == ("image", 300, 200, "房间 的灯.jpg")
    said = await files.keep(HOTEL, voice(1.0))
    assert said.seconds == pytest.approx(1.0, abs=0.1)
    assert said.original
    assert await files.load(HOTEL, said.original) == voice(1.0)


async def test_what_a_channel_doesnt_take_is_not_kept(files: Files) -> None:
    with pytest.raises(BadFile, match="file_not_taken"):
        await files.keep(HOTEL, b"%PDF-1.7", kinds={"image"})
    assert [found async for found in files.blobs.all()] == []


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    await made.hire("lin")
    yield made
    await made.check()
    await database.close()


async def blobs_of(floor: Floor) -> list[str]:
    return [blob async for _, blob, _ in floor.files.blobs.all()]


async def show(floor: Floor) -> Received:
    """A guest's picture, which the platform keeps for us."""
    return await floor.hear("", kind=InboundKind.MEDIA, subtype="image", fetch="media-1")


async def said_at(floor: Floor, where: Received) -> int:
    return next(e.seq for e, _ in await floor.thread(where) if e.type is EventType.GUEST_SAID)


async def test_a_guests_picture_is_brought_here_and_logged_once(floor: Floor) -> None:
    floor.fetcher.found = [TryLater(5, "busy"), Fetched(picture(300, 200), "灯.jpg")]
    received = await show(floor)
    await floor.work()
    await floor.later(seconds=60)
    event, content = next(p for p in await floor.thread(received) if p[0].type is EventType.MEDIA_KEPT)
    assert floor.fetcher.asked == ["media-1", "media-1"]
    assert event.body == {"seq": await said_at(floor, received)}
    assert content.file
    assert (content.file.kind, content.file.width, content.file.name) == ("image", 300, "灯.jpg")
    assert content.blobs == (content.file.blob,)
    assert await floor.files.load(ONE, content.file.blob)
    assert await floor.count(received, "media_kept") == 1


@pytest.mark.parametrize(
    ("found", "why"),
    [(NeverDelivered("expired"), "expired"), (Fetched(b"\xff\xd8\xff broken"), "file_broken")],
)
async def test_a_picture_that_never_comes_says_why(
    floor: Floor, found: Fetched | NeverDelivered, why: str
) -> None:
    floor.fetcher.found = [found]
    received = await show(floor)
    await floor.work()
    event, _ = next(p for p in await floor.thread(received) if p[0].type is EventType.MEDIA_LOST)
    assert event.body == {"seq": await said_at(floor, received), "why": why}
    assert await blobs_of(floor) == []


@pytest.mark.parametrize(("data", "word"), [(b"MZ\x90\x00", "截图"), (b"\xff\xd8\xff broken", "再发一次")])
async def test_what_isnt_taken_is_told_to_the_guest_and_ends_nothing_else(
    floor: Floor, data: bytes, word: str
) -> None:
    floor.fetcher.found = [Fetched(data, "setup.exe")]
    await floor.hear("早餐几点")
    received = await floor.hear("", kind=InboundKind.MEDIA, subtype="file", fetch="media-1")
    await floor.work()
    said = [c.text or "" for e, c in await floor.thread(received) if e.type is EventType.ASSISTANT_SAID]
    assert [word in text for text in said].count(True) == 1
    assert await blobs_of(floor) == []
    assert not (await floor.row(received)).pending


async def test_a_file_of_which_only_the_name_comes_is_said_to_be_out_of_reach(floor: Floor) -> None:
    received = await floor.hear("", kind=InboundKind.MEDIA, subtype="file")
    (said,) = [c.text or "" for e, c in await floor.thread(received) if e.type is EventType.ASSISTANT_SAID]
    assert "截图" in said


async def test_a_platform_that_stays_busy_is_not_asked_for_ever(floor: Floor) -> None:
    floor.fetcher.found = [TryLater(5, "busy") for _ in range(100)]
    received = await show(floor)
    for _ in range(60):
        await floor.later(minutes=1)
    assert await floor.count(received, "media_lost") == 1


async def test_staff_send_a_file_and_the_platform_gets_it(floor: Floor) -> None:
    received = await floor.talk()
    file = await floor.files.keep(ONE, b"%PDF-1.7 the bill", "账单.pdf")
    content = Content(blobs=file.blobs, details={"file": file.to_json()})
    await floor.act(received, lambda row, gone: Speak(floor.people["lin"], content, {}, None, gone))
    await floor.later(seconds=1)
    name, _, address = floor.sender.texts[-1].partition("\n")
    assert name == "账单.pdf"
    assert address.startswith("https://desk.example.com/files/xinghaihui/")


async def test_erasing_a_guest_takes_the_files_that_no_other_message_holds(floor: Floor) -> None:
    floor.fetcher.found = [Fetched(picture(300, 200)), Fetched(picture(10, 10)), Fetched(picture(10, 10))]
    mine = await show(floor)
    await floor.hear("", kind=InboundKind.MEDIA, subtype="image", fetch="media-2")
    theirs = await floor.hear("", who="oOther", kind=InboundKind.MEDIA, subtype="image", fetch="media-3")
    await floor.work()
    assert len(await blobs_of(floor)) == 2
    await floor.dispatch.erase(ONE, mine.identity.guest)
    (left,) = await blobs_of(floor)
    _, content = next(p for p in await floor.thread(theirs) if p[0].type is EventType.MEDIA_KEPT)
    assert content.blobs == (left,)


async def test_a_file_that_comes_after_the_erasure_is_not_kept(floor: Floor) -> None:
    received = await show(floor)
    floor.fetcher.found = [Fetched(picture())]
    await floor.dispatch.erase(ONE, received.identity.guest)
    await floor.work()
    assert await floor.count(received, "media_kept") == 0
    assert await floor.sql("SELECT * FROM files") == []


async def test_a_file_without_a_message_is_swept_away_in_time(floor: Floor) -> None:
    kept = await floor.files.keep(ONE, picture())
    floor.fetcher.found = [Fetched(picture(9, 9))]
    await show(floor)
    await floor.work()
    [put_at, *_] = [at async for _, _, at in floor.files.blobs.all()]
    assert await floor.files.sweep(floor.database, put_at + timedelta(minutes=59)) == 0
    assert await floor.files.sweep(floor.database, put_at + timedelta(minutes=61)) == 1
    with pytest.raises(BlobMissing):
        await floor.files.load(ONE, kept.blob)
