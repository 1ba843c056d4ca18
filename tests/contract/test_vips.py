"""A hotel's list of VIPs, by the command: shown first, then marked in each guest's log."""

import asyncio
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.commands import CommandFailed
from bot.linking import proofs_named
from bot.model import ExternalId
from bot.store import people
from bot.store.database import Database
from bot.vips import BadList, Comparison, come_meanwhile, compare, expect, read
from tests.conftest import FixedClock, only_on_postgres
from tests.contract.floor import ONE, TWO, Floor
from tests.core import ROOT
from tests.unit.test_commands import SECRETS

LIST = """会员号,手机号,openid,姓名,房号,VIP
m-88,,,,,
,,,张敏,1208,是
,,,王伟,1501,是
m-99,,,,,是
m-77,,,,,否
m-66,,,,,是
,+86 138-0000-1208,,,,是
,,oComes,,,是
,,oDoesnt,,,是
,,,赵云,1502,是
"""


async def test_a_list_is_shown_and_then_marks_whom_it_means(
    migrated_sqlite: Path, tmp_path: Path, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "vips.db")
    url = f"sqlite:///{tmp_path / 'vips.db'}"
    floor = Floor(Database(url), clock)
    await floor.open()
    member = await floor.hear(who="oMember", subjects=("site:m-88",))
    marked = await floor.hear(who="oMarked", subjects=("site:m-66",))
    staying = [await floor.hear(who=f"oStays{n}") for n in range(3)]
    elsewhere = await floor.hear(who="oMember", account=f"wx-{TWO}", subjects=("site:m-88",))
    async with floor.database.write() as tx:
        for got, name, room in zip(staying, ("张敏", "王伟", "王伟"), ("1208", "1501", "1501"), strict=True):
            await people.change_guest(tx, ONE, got.row.guest, name=name, room=room)
        await people.change_guest(tx, ONE, marked.row.guest, vip_at=clock.now())
    (tmp_path / "vips.csv").write_text(LIST, "gb18030")

    async def command(*more: str) -> str:
        sealing = {"SEALING_KEYS": f"k:{b64encode(b'1' * 32).decode()}"}  # the floor's
        environment = SECRETS | sealing | {"DATABASE_URL": url, "TEXTS_DIR": str(ROOT / "texts")}
        arguments = ("guest", "vips", ONE, str(tmp_path / "vips.csv"), *more)
        await asyncio.to_thread(main, arguments, environment)
        return capsys.readouterr().out

    with pytest.raises(CommandFailed, match="Say --yes"):
        await command()
    shown = capsys.readouterr().out
    assert "+ VIP: m-88" in shown
    assert "+ VIP: 张敏 1208" in shown
    assert "line 4: several guests are 王伟 1501" in shown
    assert "+ VIP once they show who they are: m-99" in shown
    assert "line 11: 赵云 1502 hasn't written yet" in shown
    assert "To change: 2. As they should be: 1." in shown
    assert "Not here yet: 4 to wait for, 0 waited for already, 0 no longer." in shown
    assert await floor.count(member, "vip_marked") == 0
    assert await floor.sql("SELECT * FROM vips_awaited") == []
    assert "Changed 2 guests; 4 are awaited." in await command("--yes")
    again = await command("--yes")
    assert "To change: 0. As they should be: 3." in again
    assert "Not here yet: 0 to wait for, 4 waited for already, 0 no longer." in again
    kept = str(await floor.sql("SELECT * FROM vips_awaited"))
    assert not any(name in kept for name in ("m-99", "13800001208", "oComes"))
    await floor.hear(who="oTwo", account=f"wx-{TWO}", subjects=("site:m-99",))
    page = await floor.hear(who="oVisitor", account=f"page-{ONE}")
    comes = [
        await floor.hear(who="oNinetyNine", subjects=("site:m-99",)),
        await floor.hear(who="oVisitor", account=f"page-{ONE}", subjects=("site:13800001208",)),
        await floor.hear(who="oComes"),
    ]
    assert comes[1].row.id == page.row.id
    assert [await floor.count(got, "vip_marked") for got in comes] == [1, 1, 1]
    assert all([(await floor.shown(got))["vip"] for got in comes])
    assert [(await floor.shown(got))["vip"] for got in (member, *staying)] == [True, True, False, False]
    assert await floor.count(elsewhere, "vip_marked") == 0
    (tmp_path / "vips.csv").write_text("member,openid,vip\nm-88,,no\n,oDoesnt,no\n")
    told = await command("--yes")
    assert "- VIP: m-88" in told
    assert "- no longer awaited: oDoesnt" in told
    assert await floor.sql("SELECT * FROM vips_awaited") == []
    assert (await floor.shown(member))["vip"] is False
    await floor.check()
    await floor.database.close()


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    made = Floor(Database(database_url), clock)
    await made.open()
    yield made
    await made.check()
    await made.database.close()


async def listing(floor: Floor, *numbers: str) -> Comparison:
    """What a list of these members changes, written down as the command does once somebody said yes."""
    wanted = read("\n".join(["member", *numbers]).encode())
    found = await floor.read(lambda tx: compare(tx, floor.seal, ONE, wanted, floor.clock.now()))
    assert isinstance(found, Comparison)
    return found


async def written(floor: Floor, found: Comparison) -> list[str]:
    """Who turns out to have come meanwhile."""
    async with floor.database.write() as tx:
        await expect(tx, floor.seal, ONE, found, floor.clock.now())
    come = await come_meanwhile(floor.database, floor.seal, ONE, found, floor.clock.now())
    return [change.guest for change in come]


async def test_who_shows_who_they_are_while_the_list_is_looked_at_is_no_stranger(floor: Floor) -> None:
    found = await listing(floor, "m-88", "m-99")
    assert len(found.awaits) == 2
    got = await floor.hear(subjects=("site:m-88",))
    assert await written(floor, found) == [got.row.guest]
    later = await floor.hear(who="oLater", subjects=("site:m-99",))
    assert [await floor.count(one, "vip_marked") for one in (got, later)] == [0, 1]
    assert await floor.sql("SELECT * FROM vips_awaited") == []


@only_on_postgres
async def test_who_is_showing_it_just_then_is_waited_for(floor: Floor) -> None:
    """They look whether they are awaited before the list says so, and end after it has looked for them."""
    found, account = await listing(floor, "m-88"), await floor.account(f"wx-{ONE}")
    got = await floor.hear()
    writer = floor.dispatch.recognition
    async with floor.database.write() as tx:
        await writer._recognise(tx, account, ExternalId("oGuest"), proofs_named(("site:m-88",)), False)
        beside = asyncio.create_task(written(floor, found))
        while not beside.done() and not await floor.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
    assert await beside == [got.row.guest]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("tel,vip\n138,yes\n", "must name columns"),
        ("member,vip\nm-1,perhaps\n", "line 2: vip is 'perhaps'"),
        ("name,room\n张敏,\n", "line 2: it must say"),
    ],
)
def test_a_list_with_a_mistake_is_refused_whole(text: str, wrong: str) -> None:
    with pytest.raises(BadList, match=wrong):
        read(text.encode())
