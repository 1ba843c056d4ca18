"""python -m bot check: each thing that is wrong is named on its own line, and nothing else fails."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import check, first_start
from bot.check import Mark
from bot.model import AccountId
from bot.settings import Settings
from tests.conftest import SettingsMaker


class FakeRasa:
    """/status, the connector and the actions' /health; what they say can be changed."""

    def __init__(self) -> None:
        self.model: str | None = "dianxiaoer.tar.gz"
        self.closed = True
        self.healthy = True
        app = web.Application()
        app.router.add_get("/status", self.status)
        app.router.add_get("/health", self.health)
        app.router.add_post("/webhooks/dianxiaoer/turn", self.turn)
        self.server = TestServer(app)

    async def status(self, request: web.Request) -> web.Response:
        right = request.query.get("token") == "rasa-token-for-tests"
        return web.json_response({"model_file": self.model}, status=200 if right else 401)

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.healthy else 500)

    async def turn(self, _: web.Request) -> web.Response:
        answer: dict[str, Any] = {
            "acts": [{"act": "say", "key": "greet"}],
            "memory": {},
            "closed": self.closed,
        }
        return web.json_response(answer)


@pytest.fixture
async def rasa() -> AsyncIterator[FakeRasa]:
    fake = FakeRasa()
    async with fake.server:
        yield fake


@pytest.fixture
def settings(make_settings: SettingsMaker, rasa: FakeRasa, tmp_path: Path) -> Settings:
    for page in ("desk/index.html", "widget/widget.js"):
        (tmp_path / "dist" / page).parent.mkdir(parents=True)
        (tmp_path / "dist" / page).write_text("")
    url = f"http://127.0.0.1:{rasa.server.port}"
    return make_settings(RASA_URL=url, ACTION_URL=f"{url}/webhook", FRONTEND_DIR=tmp_path / "dist")


async def failures(settings: Settings) -> dict[str, str]:
    found = [finding for one in check.CHECKS for finding in await one(settings)]
    return {finding.item: finding.text for finding in found if finding.mark is Mark.FAILED}


async def test_a_complete_installation_passes(settings: Settings) -> None:
    await first_start.prepare(settings)
    assert await failures(settings) == {}


async def test_before_the_first_start_it_says_what_to_do_and_makes_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    assert "python -m bot prepare" in (await failures(settings))["database"]
    assert not (tmp_path / "dianxiaoer.db").exists()


async def test_what_is_wrong_with_rasa_is_told_apart(settings: Settings, rasa: FakeRasa) -> None:
    await first_start.prepare(settings)
    rasa.model, rasa.closed, rasa.healthy = None, False, False
    assert set(await failures(settings)) == {"rasa", "assistant", "actions"}


async def test_a_wrong_token_is_named(
    settings: Settings, make_settings: SettingsMaker, rasa: FakeRasa
) -> None:
    other = make_settings(RASA_URL=settings.rasa_url, RASA_TOKEN="another-token-than-rasa-has")
    assert "RASA_TOKEN" in {f.item: f.text for f in await check.check_rasa(other)}["rasa"]


async def test_a_redis_that_is_gone_is_named(settings: Settings, make_settings: SettingsMaker) -> None:
    (found,) = await check.check_redis(make_settings(REDIS_URL="redis://127.0.0.1:1"))
    assert found.mark is Mark.FAILED
    (found,) = await check.check_redis(settings)
    assert found.mark is Mark.NOTE


async def test_an_account_without_a_platform_is_named(settings: Settings) -> None:
    await first_start.prepare(settings)
    values = {"appid": "wx1", "secret": "s" * 32, "token": "t", "aes_keys": ["k" * 42 + "A"]}
    account = AccountId("main")
    await first_start.register(settings, "wechat", account, values | {"api": "http://127.0.0.1:1"})
    assert set(await failures(settings)) == {"wechat main"}


async def test_an_account_sealed_with_a_lost_key_is_named(
    settings: Settings, make_settings: SettingsMaker
) -> None:
    await first_start.prepare(settings)
    lost = make_settings(
        RASA_URL=settings.rasa_url,
        ACTION_URL=settings.action_url,
        FRONTEND_DIR=settings.frontend_dir,
        SEALING_KEYS="other:" + "AAAA" * 10 + "AAA=",
    )
    assert set(await failures(lost)) == {"web xinghaihui-page"}


async def test_pages_that_are_not_built_are_named(settings: Settings) -> None:
    await first_start.prepare(settings)
    (settings.frontend_dir / "widget/widget.js").unlink()
    assert "widget/widget.js" in (await failures(settings))["pages"]


async def test_a_fact_the_hotel_does_not_give_and_an_address_left_from_the_sample_are_notes(
    settings: Settings, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    source, copy = Path(settings.hotels_dir) / "xinghaihui", tmp_path / "hotels/xinghaihui"
    copy.mkdir(parents=True)
    for file in source.iterdir():
        lines = file.read_text("utf-8").splitlines(keepends=True)
        (copy / file.name).write_text("".join(line for line in lines if "breakfast_hours:" not in line))
    await first_start.prepare(make_settings(HOTELS_DIR=copy.parent))
    notes = [f.text for f in await check.check_database(settings) if f.mark is Mark.NOTE]
    assert any("breakfast_hours" in text for text in notes)
    assert any("privacy.url" in text for text in notes)  # it is the sample's
