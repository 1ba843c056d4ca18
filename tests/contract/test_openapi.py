"""The OpenAPI document is true: of every route, and of everything that a served app answers."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.http import app as app_edge
from bot.http import app_door
from tests.conftest import SettingsMaker
from tests.contract.site import SOON, Site, app_token, serving
from tests.contract.test_http import routes
from tests.servers import free_port

# What no other program calls: our own pages and their API, and a platform's pushes.
NOT_FOR_OTHERS = re.compile(
    r"/(desk(/.*)?|widget/v1/.*|widget(-more)?\.js|chat/.*|sample/.*|docs(/.*)?|metrics|wecom/.*|wechat/.*|files/.*)?"
)


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    settings = make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)
    async with serving(settings) as made:
        yield made


async def test_the_document_is_valid_and_tells_of_every_route(site: Site) -> None:
    status, document = await (await site.browser()).call("GET", "/openapi.json")
    assert status == 200
    OpenAPIV31SpecValidator(document).validate()
    told = {(method.upper(), path) for path, how in document["paths"].items() for method in how}
    there = {(m, p) for m, p in routes(site) if m != "HEAD"}
    assert told - there == set()
    assert {(m, p) for m, p in there - told if not NOT_FOR_OTHERS.fullmatch(p)} == set()
    assert {p for _, p in told if p.startswith("/app/v1/")} >= {"/app/v1/messages", "/app/v1/socket"}


async def test_everything_but_a_literal_list_asks_for_a_token(site: Site) -> None:
    _, document = await (await site.browser()).call("GET", "/openapi.json")
    operations = [(path, how) for path, by in document["paths"].items() for how in by.values()]
    public = {path for path, how in operations if how.get("security") == []}
    assert public == {"/openapi.json", "/healthz", "/readyz", "/app/v1/socket"}
    assert document["security"] == [{"guest": []}]


@pytest.mark.parametrize(("signed", "seconds"), [(False, 10), (True, 40)])
async def test_no_server_error_and_no_undocumented_answer(
    site: Site, signed: bool, seconds: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """schemathesis makes up requests, right ones and wrong ones, against the served app."""
    monkeypatch.setattr(app_edge, "POLL_SECONDS", 0.02)
    for limit in (app_door.CALLS, app_edge.MESSAGES, app_edge.FILES_SENT):
        monkeypatch.setattr(site.app[limit], "_count", 10**9)
    token = app_token() if signed else "nobodys"
    done = await asyncio.to_thread(_schemathesis, site, token, tmp_path, seconds)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    # Its time bounds the run: none of the operations may have been left for later. The document is asked for
    # before anything is counted.
    _, document = await (await site.browser()).call("GET", "/openapi.json")
    told = {(m.upper(), path) for path, how in document["paths"].items() for m in how}
    asked = {(m, path) for m, path in told if path not in (*LEFT_OUT, "/openapi.json")}
    assert len(asked) > 10
    assert asked - _called(tmp_path / "called.har") == set()


CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)


# The socket speaks another protocol from its first answer on; readiness says 503 here, where no Rasa runs.
LEFT_OUT = ("/app/v1/socket", "/readyz")


def _called(har: Path) -> set[tuple[str, str]]:
    """The methods and paths of the requests that a run has written down."""
    requests = [entry["request"] for entry in json.loads(har.read_text("utf-8"))["log"]["entries"]]
    return {(request["method"], urlsplit(request["url"]).path) for request in requests}


def _schemathesis(site: Site, token: str, folder: Path, seconds: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.origin}/openapi.json"]
    options = ["--url", site.origin, "--checks", CHECKS, "--header", f"Authorization: Bearer {token}"]
    bounds = ["--max-examples", "20", "--max-time", str(seconds), "--phases", "examples,coverage,fuzzing"]
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    written = ["--report-har-path", str(folder / "called.har")]
    steady = ["--seed", "7", "--generation-database", ":memory:", "--no-color", "--workers", "1"]
    return subprocess.run(
        [*command, *options, *bounds, *steady, *left_out, *written],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=folder,
    )
