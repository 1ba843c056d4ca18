"""The sample of a hotel's app, and the example clients, against the served application."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import accounts, first_start, main
from bot.http.guard import CLOCK, DATABASE, SETTINGS
from bot.model import HotelId
from tests.conftest import ROOT, SettingsMaker
from tests.contract.site import APP_SECRET, ONE, SOON, TWO, Site, serving
from tests.media_files import picture
from tests.servers import free_port

NODE = ROOT / ".venv/bin/node"
TSC = ROOT / "frontend/node_modules/typescript/bin/tsc"


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    settings = make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)
    async with serving(settings) as made:
        yield made


async def add_sample(site: Site) -> None:
    seal, now = main.seal_of(site.app[SETTINGS]), site.app[CLOCK].now()
    async with site.app[DATABASE].write() as tx:
        values = first_start.sample_app()
        await accounts.save(tx, seal, "app", first_start.SAMPLE_APP, HotelId(ONE), values, now)


async def test_there_is_no_sample_but_where_it_was_made(site: Site) -> None:
    browser = await site.browser()
    body = {"guest": "a-guest-of-the-test"}
    assert (await browser.call("GET", f"/sample/{ONE}/app"))[0] == 404
    assert (await browser.call("POST", f"/sample/{ONE}/app/token", body))[0] == 404
    await add_sample(site)
    status, page = await browser.call("GET", f"/sample/{ONE}/app")
    assert status == 200
    assert "星海会商务酒店" in page
    assert not re.search(r"\{\{\w+\}\}|https?://(?!www\.w3\.org)", page)
    assert (await browser.call("GET", f"/sample/{TWO}/app"))[0] == 404
    assert (await browser.call("POST", f"/sample/{TWO}/app/token", body))[0] == 404


async def test_the_sample_signs_a_guest_of_its_own_and_nobody_else(site: Site) -> None:
    await add_sample(site)
    browser = await site.browser()
    path = f"/sample/{ONE}/app/token"
    status, signed = await browser.call("POST", path, {"guest": "a-guest-of-the-test"})
    assert status == 200
    assert (await browser.app("GET", "config", token=signed["token"]))[0] == 200
    for wrong in (None, 7, "", "short", "x" * 41, "A-GUEST-IN-CAPITALS", "a guest"):
        assert (await browser.call("POST", path, {"guest": wrong}))[0] == 400
    elsewhere = {"Origin": "https://evil.example"}
    assert (await browser.call("POST", path, {"guest": "a-guest-of-the-test"}, elsewhere))[0] == 403


async def test_the_page_of_the_api_asks_no_other_host(site: Site) -> None:
    browser = await site.browser()
    status, page = await browser.call("GET", "/docs")
    assert status == 200
    for path in ("/app/v1/messages", "/app/v1/link-codes/redeem", "/healthz"):
        assert path in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page


# ---- examples


async def run(*command: str, said: str) -> str:
    """What a program prints; it is told the secret on standard input."""
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await started.communicate(said.encode() + b"\n")
    finally:
        if started.returncode is None:
            started.kill()
    assert started.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.parametrize("language", ["python", "typescript"])
async def test_an_example_writes_follows_sends_a_picture_and_gets_a_code(
    site: Site, tmp_path: Path, language: str
) -> None:
    (tmp_path / "window.jpg").write_bytes(picture())
    if language == "python":
        program = [sys.executable, str(ROOT / "examples/python/hotel_app.py")]
        more = ["--picture", str(tmp_path / "window.jpg")]
    else:
        if not NODE.exists():
            pytest.skip("no node in .venv")
        program = [str(NODE), str(ROOT / "examples/typescript/hotel-app.ts")]
        more = [str(tmp_path / "window.jpg")]
    given = [site.origin, f"{ONE}-app", "k1", f"member-{language}", "早餐几点"]
    printed = await run(*program, *given, *more, said=APP_SECRET)
    lines = printed.splitlines()
    assert "guest: 早餐几点" in lines
    assert any(line.startswith(("assistant: ", "staff: ")) for line in lines)
    assert re.fullmatch(r"code: \d{8}", lines[-1])
    kept = await site.sql("SELECT details FROM contents WHERE details LIKE '%image%'")
    assert [json.loads(row[0])["file"]["name"] for row in kept] == ["window.jpg"]


async def test_the_typescript_example_is_typed() -> None:
    if not NODE.exists() or not TSC.exists():
        pytest.skip("the pages' packages are not installed: run make frontend")
    project = shutil.which("node", path=str(NODE.parent))
    assert project
    await run(project, str(TSC), "--noEmit", "-p", str(ROOT / "examples/typescript"), said="")
