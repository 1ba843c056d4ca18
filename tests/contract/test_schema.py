"""A release beside its neighbours: on the schema before its own, and on one that a newer release has made."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot import first_start
from bot.commands import CommandFailed, opening
from bot.settings import Settings
from bot.store import migrate
from bot.store.database import Database
from tests.conftest import SettingsMaker
from tests.contract.site import serving

VERSIONS = Path(migrate.__file__).with_name("migrations") / "versions"
NEWER = (
    "CREATE TABLE later (word text PRIMARY KEY)",
    "ALTER TABLE guests ADD COLUMN later text",
    "ALTER TABLE outbox ADD COLUMN later text NOT NULL DEFAULT ''",
    "UPDATE alembic_version SET version_num = '9999'",
)

FOREIGN = (
    "INSERT INTO events SELECT hotel_id, conversation_id, seq + 1, 'of_later', version, at, actor,"
    " identity_id, audience, body, digest, hash FROM events ORDER BY seq DESC LIMIT 1"
)


@pytest.fixture
def settings(make_settings: SettingsMaker, tmp_path: Path) -> Settings:
    return make_settings(DATABASE_URL=f"sqlite:///{tmp_path}/neighbour.db")


async def made(settings: Settings, *statements: str, revision: str = "head") -> None:
    """A new database at this revision; then what a newer release has done to it."""

    def make(connection: Connection) -> None:
        migrate.upgrade(connection, revision)
        for statement in statements:
            connection.execute(text(statement))

    database = Database(settings.database_url)
    async with database.write() as connection:
        await connection.run_sync(make)
    await database.close()


async def migrated(settings: Settings) -> tuple[str, str]:
    async with opening.any_database(settings) as opened:
        return await opening.migrate(opened)


async def serve_a_guest(settings: Settings) -> None:
    async with serving(settings) as site:
        assert (await (await site.browser()).send("早餐几点", "client-0001"))[0] == 200
        status, shown = await (await site.signed_in()).desk("GET", "conversations")
        assert (status, len(shown["conversations"])) == (200, 1)


async def test_it_serves_on_the_oldest_schema_that_it_says(settings: Settings) -> None:
    await made(settings, revision=migrate.oldest())
    await serve_a_guest(settings)


async def test_preparing_says_which_steps_it_has_taken(settings: Settings) -> None:
    oldest, newest = migrate.oldest(), migrate.newest()
    await made(settings, revision=oldest)
    said = first_start.words(await first_start.prepare(settings))
    expected = f"Brought the schema from {oldest} to {newest}."
    assert [line for line in said if "schema" in line] == [expected] * (oldest != newest)
    assert first_start.words(await first_start.prepare(settings)) == []


async def test_it_serves_on_a_newer_schema_that_only_adds_and_leaves_it_alone(settings: Settings) -> None:
    await made(settings, *NEWER, "INSERT INTO revisions (revision, additive) VALUES ('9999', true)")
    assert await migrated(settings) == ("9999", "9999")
    async with serving(settings) as site:
        guest, staff = await site.browser(), await site.signed_in()
        assert (await guest.send("早餐几点", "client-0001"))[0] == 200
        await site.sql("UPDATE outbox SET kind = 'of_later' WHERE kind = 'ask'")
        await site.sql(FOREIGN)
        await site.sql("UPDATE conversations SET seq = seq + 1, row = json_set(row, '$.seq', seq + 1)")
        assert (await guest.send("几点退房", "client-0002"))[0] == 200
        (row,) = (await staff.desk("GET", "conversations"))[1]["conversations"]
        shown = (await staff.desk("GET", f"conversations/{row['id']}"))[1]["events"]
        assert [e["text"] for e in shown if e["type"] == "guest_said"] == ["早餐几点", "几点退房"]


@pytest.mark.parametrize("said", ["", "INSERT INTO revisions (revision, additive) VALUES ('9999', false)"])
async def test_it_refuses_a_newer_schema_that_may_do_more(settings: Settings, said: str) -> None:
    await made(settings, *NEWER, *filter(None, [said]))
    with pytest.raises(CommandFailed, match="restore the backup"):
        await migrated(settings)
    with pytest.raises(migrate.SchemaMisfit, match="newer release"):
        async with serving(settings):
            pass


def test_one_step_that_changes_more_than_it_adds_is_enough_to_refuse() -> None:
    known = ["0006", "0007"]
    assert migrate.misfit("0009", known, "0006", {"0007": False, "0008": True, "0009": True}) is None
    assert migrate.misfit("0009", known, "0006", {"0007": True, "0008": False, "0009": True})
    assert migrate.misfit("0009", known, "0006", {"0008": True, "0009": True})  # not of our line
    assert migrate.misfit("0009", known, "0006", {"0007": True, "0008": True})  # a release that says nothing
    assert migrate.misfit("0006", known, "0006", {}) is None
    assert migrate.misfit("0006", known, "0007", {})
    assert migrate.misfit("", known, "0006", {})


def said_by(path: Path) -> dict[str, object]:
    """What a migration says of itself."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


LATER = sorted(p for p in VERSIONS.glob("*.py") if p.name >= "0007")


@pytest.mark.parametrize("path", LATER, ids=lambda p: p.stem)
def test_a_migration_says_who_may_serve_and_an_additive_one_only_adds(path: Path) -> None:
    said = said_by(path)
    assert {type(said.get("additive")), type(said.get("needed"))} == {bool}
    if not said["additive"]:
        return
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    for call in calls:
        owner = getattr(getattr(call.func, "value", None), "id", "")
        if owner in ("op", "batch") and isinstance(call.func, ast.Attribute) and call.func.attr != "f":
            adds(call, call.func.attr)
    new = {c.args[0].value for c in calls if getattr(c.func, "attr", "") == "create_table"}  # type: ignore[attr-defined]
    guards = [one for name in ("SQLITE", "POSTGRESQL") for one in said.get(name, ())]  # type: ignore[attr-defined]
    assert all(one.startswith("CREATE TRIGGER") and one.split(" ON ")[1].split()[0] in new for one in guards)


def adds(call: ast.Call, name: str) -> None:
    """Fails for what could hinder a release that knows nothing of it."""
    if name in ("execute", "get_bind"):
        return  # triggers of tables that are new: looked at as a whole
    assert name in ("create_table", "batch_alter_table", "add_column", "create_index"), name
    assert not any(k.arg == "unique" for k in call.keywords), "what was written before may break it"
    if name == "add_column":
        column = next(a for a in call.args if isinstance(a, ast.Call))
        given = {k.arg: k.value for k in column.keywords}
        null = given.get("nullable")
        assert "server_default" in given or null is None or ast.literal_eval(null), (
            "it would have to be given"
        )
