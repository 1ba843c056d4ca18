"""Health, readiness, metrics and the pages that are files."""

from html import escape
from pathlib import Path

from aiohttp import web

from bot import metrics
from bot.http.guard import CLOCK, DATABASE, HOTELS, SETTINGS, respond
from bot.http.openapi import STRING, TRUTH, Operation, add_operations, shape
from bot.http.widget import page_key
from bot.knowledge import UnknownHotel
from bot.model import HotelId
from bot.readiness import Readiness
from bot.store import desk, outbox

READINESS = web.AppKey("readiness", Readiness)
PAGES = Path(__file__).with_name("pages")

_DESK_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def add_routes(app: web.Application) -> None:
    add_operations(app, OPERATIONS)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/", to_desk)
    app.router.add_get("/desk", to_desk)
    app.router.add_get("/desk/{path:.*}", desk_page)
    app.router.add_get("/widget.js", widget_script)
    app.router.add_get("/widget-more.js", widget_script)
    app.router.add_get("/sample/{hotel}", sample_page)


async def healthz(request: web.Request) -> web.Response:
    """The process lives. Says nothing of what it needs: see readyz."""
    return respond({"ok": True})


async def readyz(request: web.Request) -> web.Response:
    missing = await request.app[READINESS].missing()
    return respond({"ready": not missing, "missing": missing}, 503 if missing else 200)


_READY = shape({"ready": TRUTH, "missing": {"type": "array", "items": STRING}})

OPERATIONS = (
    Operation(
        "GET",
        "/healthz",
        healthz,
        "The process lives.",
        "service",
        answer=shape({"ok": TRUTH}),
        public=True,
    ),
    Operation(
        "GET",
        "/readyz",
        readyz,
        "All that is needed is there; else 503, and what is missing.",
        "service",
        answer=_READY,
        others={503: _READY},
        public=True,
    ),
)


async def show_metrics(request: web.Request) -> web.Response:
    """For a scraper on a private network: a proxy keeps this path to itself."""
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        depth = await outbox.depth(tx, now)
        waiting = await desk.waiting_count(tx, now)
        first = await desk.longest_wait(tx, now)
    for kind, (count, _) in depth.items():
        metrics.OUTBOX_DEPTH.labels(kind).set(count)
    lag = max((now - oldest).total_seconds() for _, oldest in depth.values() if oldest) if depth else 0
    metrics.OUTBOX_LAG.set(lag)
    metrics.WAITING.set(sum(waiting.values()))
    metrics.LONGEST_WAIT.set((now - first).total_seconds() if first else 0)
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def to_desk(request: web.Request) -> web.Response:
    raise web.HTTPFound("/desk/")


def _file(folder: Path, name: str) -> Path | None:
    """The file of this name inside the folder, and no other."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):
        return None  # too long, or no name of a file


async def desk_page(request: web.Request) -> web.StreamResponse:
    """The desk's files; any other address below /desk/ is a view of its one page."""
    folder = (request.app[SETTINGS].frontend_dir / "desk").resolve()
    path = _file(folder, request.match_info["path"]) or folder / "index.html"
    if not path.is_file():
        raise web.HTTPNotFound
    hashed = path.parent.name == "assets"
    cache = "public, max-age=31536000, immutable" if hashed else "no-cache"
    return web.FileResponse(path, headers={"Cache-Control": cache, "Content-Security-Policy": _DESK_POLICY})


async def widget_script(request: web.Request) -> web.StreamResponse:
    path = request.app[SETTINGS].frontend_dir / "widget" / request.path[1:]
    if not path.is_file():
        raise web.HTTPNotFound
    headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return web.FileResponse(path, headers=headers)


async def sample_page(request: web.Request) -> web.Response:
    """A page of the hotel's own site, as far as a widget can tell."""
    id_ = HotelId(request.match_info["hotel"])
    async with request.app[DATABASE].read() as tx:
        try:
            hotel = await request.app[HOTELS].get(tx, id_)
        except UnknownHotel:
            raise web.HTTPNotFound from None
        accounts = await desk.list_accounts(tx)
    key = page_key(accounts, id_)
    if key is None:
        raise web.HTTPNotFound
    known = {"widget_key": key, "colour": hotel.file.widget.colour, **hotel.facts}
    page = (PAGES / "sample.html").read_text("utf-8")
    for name, value in known.items():
        page = page.replace("{{" + name + "}}", escape(str(value)))
    return web.Response(text=page, content_type="text/html")
