"""Every route is guarded, or stands on a short list of those that may be open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import SettingsMaker
from tests.contract.site import SOON, Site, serving
from tests.contract.test_http import PUBLIC, filled, routes
from tests.servers import free_port

# Open to whoever knows the widget's key, from pages of the hotel's; and what browsers ask beforehand.
OPEN_TO_PAGES = {
    ("GET", "/widget/v1/{key}/config"),
    ("HEAD", "/widget/v1/{key}/config"),
    ("OPTIONS", "/widget/v1/{key}/{what}"),
}
# Their token comes in the first frame: test_app and test_widget show that nothing opens without one.
SOCKETS = {"/widget/v1/{key}/socket", "/app/v1/socket"}
SIGNING_IN = ("POST", "/desk/v1/session")


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with serving(make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)) as made:
        yield made


async def test_without_credentials_nothing_opens(site: Site) -> None:
    stranger, asked = await site.browser(), 0
    for method, path in routes(site):
        if path in PUBLIC or (method, path) in OPEN_TO_PAGES or (method, path) == SIGNING_IN:
            continue
        status, _ = await stranger.call(method, filled(path), {} if method == "POST" else None)
        assert status in ({400} if path in SOCKETS else {401, 403, 404}), (method, path, status)
        asked += 1
    assert asked > 60


async def test_another_sites_page_gets_nothing_even_from_what_is_open_to_pages(site: Site) -> None:
    stranger = await site.browser()
    for method, path in [*sorted(OPEN_TO_PAGES), *(("GET", path) for path in sorted(SOCKETS))]:
        status, _ = await stranger.call(method, filled(path), None, {"Origin": "https://evil.example"})
        assert status == (400 if path.startswith("/app/") else 403), (method, path)
