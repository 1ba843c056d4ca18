"""Knowledge points on both databases: versions, approval by another, what answers, import, migration."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import Connection, text

from bot import knowledge
from bot.knowledge import rules
from bot.knowledge.rules import PointState, Refused, state_of
from bot.model import HotelId, StaffId
from bot.store import migrate, points
from bot.store.database import Database
from bot.store.points import Entry, PointId
from tests.contract.floor import ONE, TWO
from tests.core import OTHER, SAMPLE, documents, texts

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MEI, LIN = StaffId("mei"), StaffId("lin")
POINT = PointId("p1")
CRIB = Entry("有婴儿床吗", "有的，免费。", ("可以借婴儿床吗",))


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    async with opened.write() as tx:
        for folder in (SAMPLE, OTHER):
            await knowledge.save(tx, documents(folder), NOW)
    yield opened
    await opened.close()


async def edit(database: Database, entry: Entry, by: StaffId, base: int | None = None) -> points.Version:
    async with database.write() as tx:
        return await rules.edit(tx, ONE, POINT, entry, by, NOW, "desk", base)


async def approve(database: Database, number: int, by: StaffId) -> points.Version:
    async with database.write() as tx:
        return await rules.approve(tx, ONE, POINT, number, by, NOW)


async def spoken(database: Database, hotels: knowledge.Hotels, hotel: HotelId = ONE) -> dict[str, Any]:
    async with database.read() as tx:
        return dict((await hotels.get(tx, hotel)).points)


async def refused(work: Any) -> str:
    with pytest.raises(Refused) as error:
        await work
    return error.value.code


# ---- approval


async def test_a_draft_answers_nobody_until_somebody_else_approves_it(database: Database) -> None:
    hotels = knowledge.Hotels(texts())
    await edit(database, CRIB, MEI)
    assert POINT not in await spoken(database, hotels)
    assert await refused(approve(database, 1, MEI)) == "own_edit"
    assert POINT not in await spoken(database, hotels)
    approved = await approve(database, 1, LIN)
    assert (approved.approved_by, approved.approved_at) == (LIN, NOW)
    assert (await spoken(database, hotels))[POINT] == approved
    assert POINT not in await spoken(database, hotels, TWO)


async def test_no_statement_lets_an_editor_approve(database: Database) -> None:
    """The rule stands in the database's own statement too, whatever the code before it has read."""
    version = await edit(database, CRIB, MEI)
    async with database.write() as tx:
        assert not await points.approve(tx, ONE, version, MEI, NOW)
        assert await points.approve(tx, ONE, version, LIN, NOW)


async def test_what_was_approved_goes_on_answering_while_a_new_version_waits(database: Database) -> None:
    hotels = knowledge.Hotels(texts())
    await edit(database, CRIB, MEI)
    await approve(database, 1, LIN)
    await edit(database, replace(CRIB, answer="有的，一晚 50 元。"), LIN, base=1)
    assert (await spoken(database, hotels))[POINT].entry.answer == "有的，免费。"
    async with database.read() as tx:
        point = await points.point_of(tx, ONE, POINT)
    assert point
    assert state_of(point, NOW.date()) is PointState.CHANGED
    assert await refused(approve(database, 2, LIN)) == "own_edit"
    await approve(database, 2, MEI)
    assert (await spoken(database, hotels))[POINT].number == 2


async def test_only_the_newest_version_is_approved_and_only_once(database: Database) -> None:
    await edit(database, CRIB, MEI)
    await edit(database, replace(CRIB, title="婴儿床"), MEI, base=1)
    assert await refused(approve(database, 1, LIN)) == "outdated"
    await approve(database, 2, LIN)
    assert await refused(approve(database, 2, LIN)) == "approved_already"
    async with database.write() as tx:
        assert await refused(rules.approve(tx, ONE, PointId("none"), 1, LIN, NOW)) == "unknown_point"
        assert await refused(rules.approve(tx, TWO, POINT, 2, LIN, NOW)) == "unknown_point"


async def test_nobody_writes_over_a_newer_version_unseen(database: Database) -> None:
    await edit(database, CRIB, MEI)
    await edit(database, replace(CRIB, title="婴儿床"), LIN, base=1)
    assert await refused(edit(database, replace(CRIB, title="小床"), MEI, base=1)) == "outdated"


async def test_every_version_is_kept_and_one_that_says_the_same_is_none(database: Database) -> None:
    await edit(database, CRIB, MEI)
    await edit(database, CRIB, LIN, base=1)
    await edit(database, replace(CRIB, title="婴儿床"), LIN, base=1)
    async with database.read() as tx:
        kept = await points.history(tx, ONE, POINT)
    assert [(v.number, v.entry.title, v.edited_by) for v in kept] == [
        (2, "婴儿床", LIN),
        (1, CRIB.title, MEI),
    ]


async def test_what_is_taken_back_is_silent_at_once_and_may_come_back(database: Database) -> None:
    hotels = knowledge.Hotels(texts())
    await edit(database, CRIB, MEI)
    await approve(database, 1, LIN)
    for gone in (True, False):
        async with database.write() as tx:
            await points.retire(tx, ONE, POINT, MEI, NOW, gone)
        assert (POINT in await spoken(database, hotels)) is not gone


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (replace(CRIB, title=" "), "point_title_empty"),
        (replace(CRIB, answer=""), "point_answer_empty"),
        (replace(CRIB, answer="{坏!}"), "point_answer_placeholder"),
        (replace(CRIB, title="长" * 81), "point_title_too_long"),
        (replace(CRIB, variants=("长" * 81,)), "point_variants_too_long"),
        (replace(CRIB, variants=tuple(map(str, range(61)))), "point_variants_too_many"),
        (replace(CRIB, valid_from=date(2026, 2, 1), valid_to=date(2026, 1, 1)), "point_valid_to_order"),
        (replace(CRIB, channels=("telex",)), "point_channels_channel"),
    ],
)
async def test_what_can_not_be_said_is_not_kept(database: Database, entry: Entry, code: str) -> None:
    assert await refused(edit(database, entry, MEI)) == code
    async with database.read() as tx:
        assert await points.point_of(tx, ONE, POINT) is None


async def test_a_number_that_identifies_is_never_kept_in_clear(database: Database) -> None:
    number = "11010519491231002X"
    await edit(database, Entry(f"证件{number}", f"号码 {number}", (f"{number} 是谁",)), MEI)
    async with database.read() as tx:
        rows = (await tx.execute(text("SELECT title, variants, answer FROM point_versions"))).all()
    assert number not in str(rows)


# ---- when it answers


def test_a_point_says_how_it_stands() -> None:
    today = date(2026, 11, 22)

    def state(**entry: Any) -> PointState:
        version = points.Version(POINT, 1, replace(CRIB, **entry), "desk", NOW, MEI, NOW, LIN)
        return state_of(points.Point(POINT, version, version, NOW), today)

    assert state() is PointState.ACTIVE
    assert state(valid_to=today - timedelta(days=1)) is PointState.EXPIRED
    assert state(valid_to=today) is PointState.EXPIRING
    assert state(valid_to=today + timedelta(days=14)) is PointState.EXPIRING
    assert state(valid_to=today + timedelta(days=15)) is PointState.ACTIVE
    assert state(valid_from=today + timedelta(days=1)) is PointState.UPCOMING
    assert state(valid_from=today) is PointState.ACTIVE


def test_a_point_speaks_on_its_days_and_channels_alone() -> None:
    entry = replace(CRIB, valid_from=date(2026, 11, 1), valid_to=date(2026, 11, 30), channels=("wechat",))
    assert rules.speaks(entry, date(2026, 11, 30), "wechat")
    assert not rules.speaks(entry, date(2026, 11, 30), "web")
    assert not rules.speaks(entry, date(2026, 12, 1), "wechat")
    assert not rules.speaks(entry, date(2026, 10, 31), "wechat")


# ---- the hotel's YAML


async def test_topics_are_points_that_answer_at_once(database: Database) -> None:
    found = await spoken(database, knowledge.Hotels(texts()))
    assert found["ask_breakfast"].entry.topic == "ask_breakfast"
    assert found["ask_breakfast"].number == 1


async def test_importing_again_changes_only_what_differs(database: Database) -> None:
    again = documents(SAMPLE)
    again["knowledge"] = {**again["knowledge"], "ask_pet": {"title": "宠物", "answer": "欢迎。"}}
    del again["knowledge"]["ask_smoking"]
    hotels = knowledge.Hotels(texts())
    await spoken(database, hotels)
    async with database.write() as tx:
        await knowledge.save(tx, again, NOW + timedelta(minutes=1))
    found = await spoken(database, hotels)
    assert (found["ask_pet"].entry.answer, found["ask_pet"].number) == ("欢迎。", 2)
    assert found["ask_breakfast"].number == 1
    assert "ask_smoking" not in found


async def test_an_import_shows_its_difference_to_what_staff_have_made_of_a_topic(database: Database) -> None:
    async with database.write() as tx:
        (pet,) = await points.list_points(tx, ONE, ids=["ask_pet"])
        new = replace(pet.latest.entry, answer="小狗可以。", variants=("能带狗吗",))
        await rules.edit(tx, ONE, pet.id, new, MEI, NOW, "desk")
        await rules.approve(tx, ONE, pet.id, 2, LIN, NOW)
        row = await knowledge.desk.hotel_of(tx, ONE)
        assert row
        assert (await knowledge.file_of(tx, row)).topics["ask_pet"].answer == "小狗可以。"
        await knowledge.save(tx, documents(SAMPLE), NOW)
        (pet,) = await points.list_points(tx, ONE, ids=["ask_pet"])
    assert pet.latest.number == 3
    assert pet.latest.entry.variants == ("能带狗吗",)


async def test_other_processes_see_a_change_even_if_their_clock_is_ahead(database: Database) -> None:
    hotels = knowledge.Hotels(texts())
    await edit(database, CRIB, MEI)
    await approve(database, 1, LIN)
    await spoken(database, hotels)
    async with database.write() as tx:  # by a process whose clock is five minutes late
        late = NOW - timedelta(minutes=5)
        await rules.edit(tx, ONE, POINT, replace(CRIB, answer="没有了。"), MEI, late, "desk")
        await rules.approve(tx, ONE, POINT, 2, LIN, late)
    assert (await spoken(database, hotels))[POINT].entry.answer == "没有了。"


async def test_thousands_of_points_are_kept_and_read(database: Database) -> None:
    versions = [
        points.Version(PointId(f"n{n}"), 1, Entry(f"第{n}问", "答"), "file", NOW) for n in range(4_000)
    ]
    async with database.write() as tx:
        await points.add_versions(tx, ONE, versions, NOW)
    async with database.read() as tx:
        assert len([p for p in await points.list_points(tx, ONE) if p.id.startswith("n")]) == 4_000
        assert len(await points.list_points(tx, ONE, ids=[v.point for v in versions[:900]])) == 900


# ---- migration


def _to(revision: str) -> Any:
    return lambda connection: command.upgrade(migrate.config(connection), revision)


def _first(connection: Connection) -> None:
    _to("0001")(connection)
    values = {
        "profile": "{}",
        "knowledge": json.dumps({"ask_pet": {"title": "宠物", "answer": "不接待{pets}"}}),
        "at": "2026-11-01T00:00:00.000000+00:00",
    }
    connection.execute(
        text(
            "INSERT INTO hotels (hotel_id, name, timezone, profile, knowledge, wording, changed_at) "
            "VALUES ('old', '旧', 'Asia/Shanghai', :profile, :knowledge, '{}', :at)"
        ),
        values,
    )


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_a_hotels_topics_become_approved_points(
    kind: str, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    if kind == "postgres":
        url = request.getfixturevalue("empty_postgres_url")
    database = Database(url)
    async with database.write() as tx:
        await tx.run_sync(_first)
    await migrate.migrate(database)
    async with database.write() as tx:
        (point,) = await points.list_points(tx, HotelId("old"))
        # The release before this one goes on writing hotels as it did.
        await tx.execute(text("UPDATE hotels SET name = '仍旧' WHERE hotel_id = 'old'"))
    assert point.approved == point.latest
    assert (point.id, point.latest.entry.answer) == ("ask_pet", "不接待{pets}")
    await database.close()
