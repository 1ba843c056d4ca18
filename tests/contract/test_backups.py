"""Backups, really restored: from both databases, to both, with what was erased since."""

import asyncio
import base64
import io
import json
import re
import shutil
import socket
import sys
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from bot import backups
from bot.__main__ import main
from bot.blobs import Blobs
from bot.channels.port import Fetched, InboundKind
from bot.commands import CommandFailed, upgrade
from bot.dispatch import Received
from bot.erasures import Erasure, Erasures
from bot.model import GuestId
from bot.settings import SettingsError
from bot.store import dump, migrate
from bot.store.database import Database
from tests.conftest import ROOT, SECRETS, FixedClock
from tests.contract.floor import ONE, Floor
from tests.media_files import picture

KEY = "k:" + base64.b64encode(b"1" * 32).decode()
WORDS = "我对花生过敏请千万记住"

Bot = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def floor(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Floor]:
    clock.at = datetime.now(UTC) - timedelta(hours=1)  # the commands read the real one
    database = Database(database_url)
    made = Floor(database, clock)
    made.files.blobs = Blobs(f"file:{tmp_path}/blobs")
    made.dispatch.erasures = Erasures(tmp_path / "backups")
    await made.open()
    await made.hire("lin")
    yield made
    await database.close()


@pytest.fixture
def bot(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bot:
    """await bot("backup"): exit code and what it says, against the database of the test."""
    environment = SECRETS | {
        "SEALING_KEYS": KEY,  # the floor's
        "DATABASE_URL": database_url,
        "BACKUP_DIR": str(tmp_path / "backups"),
        "BLOB_URL": f"file:{tmp_path}/blobs",
        "HOTELS_DIR": str(ROOT / "hotels"),
        "TEXTS_DIR": str(ROOT / "texts"),
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)  # the project's own folder may hold a key of `make run`

    async def run(*arguments: str, **changes: str) -> tuple[int, str]:
        capsys.readouterr()
        code, failure = 1, ""
        try:
            code = await asyncio.to_thread(main, arguments, environment | changes)
        except CommandFailed as failed:
            failure = str(failed)
        printed = capsys.readouterr()
        return code, printed.out + printed.err + failure

    return run


async def made(bot: Bot, folder: Path, **changes: str) -> Path:
    code, said = await bot("backup", **changes)
    assert code == 0, said
    return backups.backups_in(folder / "backups")[-1]


async def restored(bot: Bot, file: Path, *arguments: str, **changes: str) -> str:
    code, said = await bot("restore", str(file), *arguments, **changes)
    assert code == 0, said
    return said


async def refused(bot: Bot, file: Path, *arguments: str, **changes: str) -> str:
    code, said = await bot("restore", str(file), *arguments, **changes)
    assert code == 1
    return said


async def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables that a backup holds."""
    database = Database(url)
    try:
        async with database.read() as tx:
            return {
                table.name: [tuple(row) async for rows in dump.rows_of(tx, table) for row in rows]
                for table in await dump.tables_of(tx)
            }
    finally:
        await database.close()


@asynccontextmanager
async def reopened(url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    """The service again, on what was restored."""
    database = Database(url)
    try:
        yield Floor(database, clock)
    finally:
        await database.close()


async def life(floor: Floor) -> Received:
    """Two guests, an answer, a person, and somebody who has been erased; the first guest's message."""
    first = await floor.talk()
    await floor.claim(first, "lin")
    await floor.reply(first, "lin", "马上来，\u2028请稍候 \U0001f6ce")
    await floor.work()
    await floor.talk(who="oOther")
    gone = await floor.hear(WORDS, who="oGone")
    await floor.dispatch.erase(gone.row.hotel, gone.row.guest)
    await floor.later(seconds=20)  # nothing is on its way any more
    return first


# ---- what went in comes out


async def test_everything_comes_back_in_place_of_what_came_after(
    floor: Floor, bot: Bot, database_url: str, tmp_path: Path
) -> None:
    await life(floor)
    file, before = await made(bot, tmp_path), await everything(database_url)
    await floor.hear("这句话在备份之后")
    await floor.database.close()
    assert "isn't empty" in await refused(bot, file)
    said = await restored(bot, file, "--replace")
    assert "Restored and verified: 3 conversations" in said
    assert await everything(database_url) == before
    assert (await bot("verify"))[0] == 0


async def test_a_backup_of_one_database_is_restored_to_the_other(
    floor: Floor, bot: Bot, database_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    await life(floor)
    file, before = await made(bot, tmp_path), await everything(database_url)
    other = empty_postgres_url if floor.database.sqlite else f"sqlite:///{tmp_path}/other.db"
    await restored(bot, file, DATABASE_URL=other)
    assert await everything(other) == before
    assert (await bot("verify", DATABASE_URL=other))[0] == 0


async def test_a_backup_is_of_one_moment_while_guests_go_on_writing(
    floor: Floor, bot: Bot, empty_postgres_url: str, tmp_path: Path
) -> None:
    await life(floor)
    backup = asyncio.create_task(made(bot, tmp_path))
    heard = 0
    while not backup.done():
        await floor.hear(who=f"oGuest{heard}")
        heard += 1
    file = await backup
    assert heard > 3
    said = await restored(bot, file, DATABASE_URL=empty_postgres_url)  # keys and verify would show a torn one
    assert "Restored and verified" in said


async def test_media_comes_back_and_what_was_erased_since_does_not(
    floor: Floor, bot: Bot, tmp_path: Path
) -> None:
    floor.fetcher.found = [Fetched(picture(300, 200)), Fetched(picture(20, 10))]
    shown = [
        await floor.hear("", who=who, kind=InboundKind.MEDIA, subtype="image", fetch=f"media-{who}")
        for who in ("oGone", "oStays")
    ]
    await floor.work()
    file = await made(bot, tmp_path)
    blobs = floor.files.blobs
    before = {(h, id_) async for h, id_, _ in blobs.all()}
    assert len(before) == 2
    await floor.dispatch.erase(ONE, shown[0].row.guest)
    ((_, left),) = [(h, id_) async for h, id_, _ in blobs.all()]
    content = await blobs.get(ONE, left)
    await floor.database.close()
    shutil.rmtree(tmp_path / "blobs")
    assert "2 files" in await restored(bot, file, "--replace")
    again = Blobs(f"file:{tmp_path}/blobs")
    assert [(h, id_) async for h, id_, _ in again.all()] == [(ONE, left)]
    assert await again.get(ONE, left) == content


async def test_an_older_schema_is_brought_to_this_release(
    bot: Bot, empty_postgres_url: str, tmp_path: Path
) -> None:
    old, at = Database(f"sqlite:///{tmp_path}/old.db"), "2026-01-01T00:00:00.000000+00:00"
    async with old.write() as tx:
        await tx.run_sync(migrate.upgrade, "0001")
        knowledge = json.dumps({"ask_pool": {"title": "游泳池", "answer": "在三楼。"}})
        await tx.execute(
            text("INSERT INTO hotels VALUES ('h', '酒店', 'Asia/Shanghai', '{}', :k, '{}', :at)"),
            {"k": knowledge, "at": at},
        )
    await old.close()
    file = await made(bot, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/old.db")
    await restored(bot, file, DATABASE_URL=empty_postgres_url)
    found = await everything(empty_postgres_url)
    assert [row[2] for row in found["point_versions"]] == [1]  # a topic became a point, as a migration does
    opened = Database(empty_postgres_url)
    assert await migrate.current(opened) == migrate.newest()
    await opened.close()


async def test_what_was_on_its_way_is_shown_as_unclear_and_not_sent_again(
    floor: Floor, bot: Bot, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    first = await life(floor)
    await floor.reply(first, "lin", "还有一句")  # not yet looked at by the worker
    file = await made(bot, tmp_path)
    await floor.database.close()
    await restored(bot, file, "--replace")
    clock.at = datetime.now(UTC) + timedelta(seconds=1)
    async with reopened(database_url, clock) as again:
        await again.work()
        assert (await again.deliveries(first))[-1][1:] == ("unclear", "process_lost")
        assert "还有一句" not in again.sender.texts
        await again.check()


async def test_old_backups_go_when_told(floor: Floor, bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    newest = await made(bot, tmp_path)
    for day in ("01", "02"):
        shutil.copy(newest, folder / f"dianxiaoer-202601{day}T000000Z.tar")
    assert (await bot("backup", "--keep", "2"))[0] == 0
    left = backups.backups_in(folder)
    assert len(left) == 2
    assert not any("202601" in path.name for path in left)
    assert sorted(path.name for path in folder.iterdir()) == [*(p.name for p in left), "erasures.jsonl"]


# ---- what has been erased stays erased


async def test_who_was_erased_since_is_erased_again(
    floor: Floor, bot: Bot, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    left = await floor.talk(WORDS, who="oLeft")
    told = await floor.talk(WORDS, who="oTold")
    await floor.talk("早餐几点", who="oStays")
    file = await made(bot, tmp_path)
    await floor.hear("", kind=InboundKind.UNFOLLOW, who="oLeft")  # the worker erases
    await floor.work()
    code, said = await bot("guest", "erase", ONE, told.row.guest, "--yes")
    assert code == 0, said
    await floor.database.close()
    said = await restored(bot, file, "--replace")
    assert "erased again: 2 who" in said
    async with reopened(database_url, clock) as again:
        kept = await again.everything()
        for gone in (WORDS, "oLeft", "oTold"):
            assert gone not in kept
        assert "oStays" in kept
        for one in (left, told):
            assert "guest_erased" in await again.types(one)
        await again.check()
    if database_url.startswith("sqlite"):
        assert WORDS.encode() not in (tmp_path / "dianxiaoer.db").read_bytes()


async def test_a_channel_that_was_erased_alone_is_erased_again_alone(
    floor: Floor, bot: Bot, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    told, stays = await floor.talk(WORDS, who="oTold"), await floor.talk("早餐几点", who="oStays")
    file = await made(bot, tmp_path)
    await floor.dispatch.erase_identity(told.identity)
    await floor.database.close()
    assert "erased again: 1 who" in await restored(bot, file, "--replace")
    async with reopened(database_url, clock) as again:
        kept = await again.everything()
        assert WORDS not in kept
        assert "oTold" not in kept
        assert "oStays" in kept
        assert "guest_erased" not in await again.types(stays)
        await again.check()


async def test_who_is_another_guest_in_the_backup_is_erased_again_by_channel(
    floor: Floor, bot: Bot, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    """As after an undone link: the backup knows the channel, and not the guest it became."""
    told = await floor.talk(WORDS, who="oTold")
    file = await made(bot, tmp_path)
    listed = Erasures(tmp_path / "backups")
    listed.add(Erasure(ONE, clock.now(), GuestId("a-guest-of-later"), (told.identity.id,)))
    await floor.database.close()
    assert "erased again: 1 who" in await restored(bot, file, "--replace")
    async with reopened(database_url, clock) as again:
        assert WORDS not in await again.everything()
        await again.check()


async def test_a_list_of_erasures_that_is_older_than_the_backup_is_refused(
    floor: Floor, bot: Bot, tmp_path: Path
) -> None:
    await life(floor)
    file = await made(bot, tmp_path)
    listed = tmp_path / "backups/erasures.jsonl"
    kept = listed.read_text("utf-8")
    listed.unlink()
    await floor.database.close()
    assert "lists 0 erasures, and 1 were known" in await refused(bot, file, "--replace")
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "erasures.jsonl").write_text(kept, "utf-8")
    shutil.copy(file, moved)
    await restored(bot, moved / file.name, "--replace")  # found beside the file, and taken over
    assert listed.read_text("utf-8") == kept


async def test_an_erasure_that_can_not_be_listed_is_done_and_loud(
    floor: Floor, bot: Bot, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "backups").write_text("a file where a folder should be")
    one, two = await floor.talk(WORDS), await floor.talk(WORDS, who="oTwo")
    with caplog.at_level("ERROR"):
        await floor.dispatch.erase(ONE, one.row.guest)
    assert "not listed beside the backups" in caplog.text
    code, said = await bot("guest", "erase", ONE, two.row.guest, "--yes")
    assert code == 1
    assert "NOT listed" in said
    assert WORDS not in await floor.everything()
    assert "No backup was made" in (await bot("backup"))[1]
    (tmp_path / "backups").unlink()
    await made(bot, tmp_path)  # writes what was missing
    assert {e.guest for e in Erasures(tmp_path / "backups").known()} == {one.row.guest, two.row.guest}


async def test_a_stranger_is_not_listed(floor: Floor, bot: Bot, tmp_path: Path) -> None:
    assert (await bot("guest", "erase", ONE, "nobody", "--yes"))[0] == 1
    assert Erasures(tmp_path / "backups").known() == []


# ---- what is refused


async def test_nothing_is_restored_under_a_serving_process(
    floor: Floor, bot: Bot, clock: FixedClock, tmp_path: Path
) -> None:
    file = await made(bot, tmp_path)
    floor.database.serve()
    clock.at = datetime.now(UTC)
    await floor.worker._beat()
    assert "serve" in await refused(bot, file, "--replace")
    await floor.talk()  # nothing has happened to it


def spoilt(file: Path, how: str) -> Path:
    """A copy of a backup, with one thing wrong."""
    wrong = file.with_name("spoilt.tar")
    if how == "cut off":
        wrong.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        return wrong
    with tarfile.open(file) as source, tarfile.open(wrong, "w") as target:
        for info in source.getmembers():
            opened = source.extractfile(info)
            assert opened
            content = opened.read()
            if how == "a row" and info.name == "tables/hotels.jsonl.gz":
                content = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
            if how == "the manifest" and info.name == "manifest.json":
                content = content.replace(b'"hotels": 2', b'"hotels": 3')
            if how != "a part" or info.name != "tables/audit.jsonl.gz":
                info.size = len(content)
                target.addfile(info, io.BytesIO(content))
    return wrong


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut off", "can't be restored"),  # a tar may end within a part, or between two
        ("a row", "the checksum of tables/hotels.jsonl.gz is wrong"),
        ("the manifest", "the checksum of its manifest is wrong"),
        ("a part", "its parts are not those of its manifest"),
    ],
)
async def test_a_file_that_is_not_whole_is_refused_before_anything_happens(
    floor: Floor, bot: Bot, database_url: str, tmp_path: Path, how: str, said: str
) -> None:
    await life(floor)
    wrong = spoilt(await made(bot, tmp_path), how)
    before = await everything(database_url)
    await floor.database.close()
    assert said in await refused(bot, wrong, "--replace")
    assert said in (await bot("restore", "--check", str(wrong)))[1]
    assert await everything(database_url) == before


async def test_a_key_that_opens_nothing_of_it_is_refused_before_anything_happens(
    floor: Floor, bot: Bot, tmp_path: Path, database_url: str
) -> None:
    file = await made(bot, tmp_path)
    await floor.talk()
    before = await everything(database_url)
    other = "k:" + base64.b64encode(b"2" * 32).decode()
    said = await refused(bot, file, "--replace", SEALING_KEYS=other)
    assert "Put the old SEALING_KEYS back" in said
    with pytest.raises(SettingsError) as none:
        await bot("restore", str(file), SEALING_KEYS="")
    assert "Put the old SEALING_KEYS back" in str(none.value)
    assert "make run" not in str(none.value)
    assert await everything(database_url) == before
    assert "Restored and verified" in await restored(
        bot, file, "--replace", "--without-keys", SEALING_KEYS=other
    )


async def test_a_backup_of_a_newer_release_is_refused(
    floor: Floor, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await made(bot, tmp_path)
    known = dict(list(migrate.revisions().items())[:-1])
    monkeypatch.setattr(migrate, "revisions", lambda: known)
    assert "is newer than this release's" in await refused(bot, file, "--replace")


async def test_a_restore_that_fails_midway_leaves_everything_as_it_was(
    floor: Floor, bot: Bot, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life(floor)
    file, before = await made(bot, tmp_path), await everything(database_url)
    await floor.database.close()

    async def fail(*_: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(dump, "distrust_deliveries", fail)
    assert "the disk is full" in await refused(bot, file, "--replace")
    assert await everything(database_url) == before
    assert (await bot("verify"))[0] == 0
    assert not list(tmp_path.glob("*.restoring*"))


async def test_tables_of_others_are_never_dropped(
    bot: Bot, empty_postgres_url: str, floor: Floor, tmp_path: Path
) -> None:
    file, theirs = await made(bot, tmp_path), Database(empty_postgres_url)
    async with theirs.write() as tx:
        await tx.execute(text("CREATE TABLE theirs (id text PRIMARY KEY)"))
    said = await refused(bot, file, "--replace", DATABASE_URL=empty_postgres_url)
    assert "theirs" in said
    async with theirs.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM theirs"))).scalar_one() == 0
    await theirs.close()


# ---- before an update


async def test_before_an_update_everything_is_looked_at(
    floor: Floor, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = await bot("upgrade", "--check")
    assert code == 1
    assert "has none: run `python -m bot backup`" in said
    await made(bot, tmp_path)
    (tmp_path / ".env").write_text("LOG_LEVEL=INFO\nOLD_SETTING=1\n")
    monkeypatch.setattr(upgrade, "ENVIRONMENTS", 0)
    code, said = await bot("upgrade", "--check")
    assert code == 1
    assert "OLD_SETTING is no setting" in said
    (tmp_path / ".env").write_text("LOG_LEVEL=INFO\n")
    code, said = await bot("upgrade", "--check")
    assert (code, said.splitlines()[-1]) == (0, "It may be updated.")
    assert f"at schema {migrate.newest()}, as this release needs it" in said
    wrong = await bot("upgrade", "--check", PORT="x", HOST="")
    assert wrong[0] == 1
    assert "PORT must be a port number" in wrong[1]


async def test_a_look_before_an_update_asks_no_host_but_the_database(
    floor: Floor, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every address of the settings leads to one that listens; nobody but the database hears of it."""
    monkeypatch.chdir(tmp_path)
    await made(bot, tmp_path)
    monkeypatch.setattr(upgrade, "ENVIRONMENTS", 0)
    asked: list[object] = []
    found, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex

    def resolve(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        asked.append((host, port))
        return found(host, port, *rest, **named)

    def reach(way: Callable[..., Any]) -> Callable[..., Any]:
        def to(self: socket.socket, address: Any) -> Any:
            asked.append(address)
            return way(self, address)

        return to

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", reach(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", reach(connect_ex))
    with socket.create_server(("127.0.0.1", 0)) as host:
        url = f"http://127.0.0.1:{host.getsockname()[1]}"
        redis = url.replace("http", "redis")
        code, said = await bot("upgrade", "--check", RASA_URL=url, SPEECH_URL=url, REDIS_URL=redis)
        host.settimeout(0)
        with pytest.raises(BlockingIOError):
            host.accept()
    assert code == 0, said
    database = make_url(floor.database.url)
    itself = [(name, database.port) for name in (database.host, "127.0.0.1", "::1") if database.host]
    assert [one for one in asked if one not in itself] == []


async def test_an_update_names_the_steps_and_refuses_what_is_newer(
    floor: Floor, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await made(bot, tmp_path)
    known = migrate.revisions()
    monkeypatch.setattr(upgrade, "revisions", lambda: known | {"9999": "What comes next"})
    said = (await bot("upgrade", "--check"))[1]
    assert "`prepare` brings it to 9999" in said
    assert "What comes next" in said
    monkeypatch.setattr(upgrade, "revisions", lambda: known)
    async with floor.database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    code, said = await bot("upgrade", "--check")
    assert code == 1
    assert "of a newer release, with more than additions" in said
    async with floor.database.write() as tx:
        await tx.execute(text("INSERT INTO revisions (revision, additive) VALUES ('9999', true)"))
    code, said = await bot("upgrade", "--check")
    assert code == 0
    assert "so this one serves on it" in said


async def test_an_old_backup_and_a_full_disk_hold_an_update_up(
    floor: Floor, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clock").write_text(str(-25 * 3600))
    await made(bot, tmp_path, DIANXIAOER_ENV="test", CLOCK_FILE=str(tmp_path / "clock"))
    monkeypatch.setattr(upgrade, "ENVIRONMENTS", 2**60)
    code, said = await bot("upgrade", "--check")
    assert code == 1
    assert "25 h old: make a new one" in said
    assert re.search(r"FAILED +disk ", said)
