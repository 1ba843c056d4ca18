"""What tests of every folder share: settings, both databases, Valkey, a clock that is set by hand."""

import asyncio
import base64
import gc
import logging
import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from bot import settings
from bot.clock import Clock
from bot.knowledge.vectors import Shelf
from bot.settings import Settings
from bot.store.database import Database
from bot.store.migrate import migrate
from encoder.model import DIMENSIONS, Model
from tests.servers import Postgres, Reused, Valkey

ROOT = Path(__file__).parents[1]
TESTDATA = Path(os.environ.get("DIANXIAOER_TESTDATA", ROOT.parent / "shared/data"))
SECRETS = {
    "SEALING_KEYS": "test:" + base64.b64encode(b"test" * 8).decode(),
    "RASA_TOKEN": "rasa-token-for-tests",
}


def _compile_statements_once() -> None:
    """Engines of one kind share what they have compiled; a test opens two to four, and each began anew."""
    shared: defaultdict[str, LRUCache[Any, Any]] = defaultdict(lambda: LRUCache(2000))
    begin = Engine.__init__

    def init(self: Engine, *given: Any, **more: Any) -> None:
        begin(self, *given, **more)
        self._compiled_cache = shared[self.dialect.name]

    Engine.__init__ = init  # type: ignore[method-assign]
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]


def _encode_once() -> None:
    """The encoder is the real one; what it has read in this process it needn't read again."""
    known: dict[str, Any] = {}
    encode = Model.encode

    def remembered(self: Model, texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, encode(self, new), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(-1, DIMENSIONS)

    Model.encode = remembered  # type: ignore[method-assign]


_compile_statements_once()
_encode_once()
# What has been imported stays; looking through it again and again took a tenth of the tests' time.
gc.freeze()
gc.set_threshold(100_000, 50, 50)

SettingsMaker = Callable[..., Settings]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a browser, which mostly wait, take turns with those that compute."""
    files: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    waits = [found for found in files.values() if found[0].get_closest_marker("browser")]
    computes = [found for found in files.values() if not found[0].get_closest_marker("browser")]
    turns = chain.from_iterable(zip_longest(waits, computes, fillvalue=[]))
    items[:] = chain.from_iterable(turns)


class FixedClock(Clock):
    """A clock that stands until a test moves it."""

    def __init__(self, at: datetime = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)) -> None:
        super().__init__()
        self.at = at
        self._began = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - self._began).total_seconds()

    def forward(self, **span: float) -> None:
        """forward(minutes=5)"""
        self.at += timedelta(**span)


@pytest.fixture(autouse=True)
def _logging_stays_the_tests() -> Iterator[None]:
    """A command run within a test sends all logging where that test's stderr was; the next has its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def testdata() -> Path:
    """Real material that isn't in the repository; where it is missing, its tests are skipped loudly."""
    if not TESTDATA.is_dir():
        pytest.skip(f"no test data at {TESTDATA}; DIANXIAOER_TESTDATA names the folder")
    return TESTDATA


@pytest.fixture(scope="session")
def vectors_of_titles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vectors of what the hotels of the tests know, so that not every test encodes them again."""
    folder = tmp_path_factory.mktemp("vectors")
    known = sorted((ROOT / "hotels").glob("*/knowledge.yml"))
    known += sorted((ROOT / "tests/data/hotels").glob("*/knowledge.yml"))
    titles = [said["title"] for file in known for said in yaml.safe_load(file.read_text("utf-8")).values()]
    Shelf(folder).take(titles, 1)
    return folder


@pytest.fixture
def make_settings(tmp_path: Path, vectors_of_titles: Path) -> SettingsMaker:
    """make_settings(PORT=1234): settings of a test, everything under its own folder."""

    def make(**changes: object) -> Settings:
        shutil.copytree(vectors_of_titles, tmp_path / "blobs/knowledge", dirs_exist_ok=True)
        given = SECRETS | {
            "DIANXIAOER_ENV": "test",
            "ENGINE_WARMUP": "0",
            "DATABASE_URL": f"sqlite:///{tmp_path}/dianxiaoer.db",
            "BLOB_URL": f"file:{tmp_path}/blobs",
            "BACKUP_DIR": str(tmp_path / "backups"),
            "HOTELS_DIR": str(ROOT / "hotels"),
            "TEXTS_DIR": str(ROOT / "texts"),
            "FRONTEND_DIR": str(ROOT / "frontend/dist"),
        }
        return settings.read(given | {name: str(value) for name, value in changes.items()})

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.remove()


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with this release's schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> Reused:
    asyncio.run(_migrate(postgres.create("migrated")))
    return Reused(postgres, "migrated")


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    yield postgres.create(name)
    postgres.drop(name)


ON_SQLITE = "sqlite"
ON_POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
# For what only one kind can show. SQLite has one writer: nobody races there.
only_on_sqlite = pytest.mark.parametrize("database_url", [ON_SQLITE], indirect=True)
only_on_postgres = pytest.mark.parametrize("database_url", [ON_POSTGRES], indirect=True)


@pytest.fixture(params=[ON_SQLITE, ON_POSTGRES])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database with nothing in it; every test runs on both kinds."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "dianxiaoer.db")
        yield f"sqlite:///{tmp_path}/dianxiaoer.db"
        return
    reused: Reused = request.getfixturevalue("migrated_postgres")
    yield reused.url
    reused.empty()
