"""The servers that other tests stand on: they are real, survive a crash, and leave nothing behind."""

import signal
from http.client import HTTPConnection

import pytest
from sqlalchemy import text

from bot.store.database import Database
from bot.store.migrate import current, newest
from tests.rasa_servers import Actions
from tests.servers import Postgres, Reused, Valkey


async def test_both_databases_come_with_this_release_s_schema(database_url: str) -> None:
    database = Database(database_url)
    assert await current(database) == newest()
    async with database.read() as connection:
        kind = connection.dialect.name
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    assert database_url.startswith(kind)
    await database.close()


@pytest.mark.postgres
async def test_postgres_comes_back_after_a_crash() -> None:
    server = Postgres()
    server.start()
    try:
        url = server.create("kept")
        server.psql("CREATE TABLE words (word text); INSERT INTO words VALUES ('您好')", database="kept")
        server.stop(signal.SIGKILL)
        server.start()
        assert server.psql("SELECT word FROM words", database="kept") == "您好\n"
        assert "您好" in server.dump("kept")
        assert url.startswith("postgresql://")
    finally:
        server.remove()
    assert not server.folder.exists()


@pytest.mark.postgres
def test_a_reused_database_is_as_new(postgres: Postgres, migrated_postgres: Reused) -> None:
    reused = Reused(postgres, "migrated", "again")
    begun = postgres.dump("again")
    changes = (
        "DELETE FROM revisions",
        "DROP TABLE read_marks",
        "ALTER TABLE events DISABLE TRIGGER ALL",
    )
    for change in changes:
        postgres.psql(change, database="again")
        assert postgres.dump("again") != begun
        reused.empty()
        assert without_tokens(postgres.dump("again")) == without_tokens(begun), change


def without_tokens(dump: str) -> list[str]:
    """pg_dump closes its file with a word of its own, each time another."""
    return [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_valkey_answers_and_forgets_at_a_restart() -> None:
    import redis

    server = Valkey()
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            assert client.set("seen", "1")
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("seen") is None
    finally:
        server.remove()


@pytest.mark.processes
def test_the_action_server_ends_when_it_is_told_however_idle_a_connection_is_kept() -> None:
    actions = Actions()
    actions.start()
    try:
        kept = HTTPConnection("127.0.0.1", actions.port, timeout=10)
        kept.request("GET", "/health")
        assert kept.getresponse().read()
        process = actions.process
        assert process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        kept.close()
    finally:
        actions.remove()
