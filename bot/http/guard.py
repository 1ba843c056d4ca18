"""What every edge shares: errors as JSON, who may come in, and how often. No route without a guard."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web

from bot import metrics, staff
from bot.channels.web import whole
from bot.clock import Clock
from bot.dispatch import Dispatch
from bot.http.permissions import FRAMES, LOCKED, OWN, ROUTES, SIGN_IN
from bot.knowledge import Hotels
from bot.model import ConversationId, HotelId
from bot.presence import Presence
from bot.roles import Permission, may
from bot.second_factor import is_for
from bot.settings import Settings
from bot.shared_desks import SharedDesks
from bot.staff import SignedIn
from bot.store.database import Database

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY = 1_000_000
MAX_SEQ = 2**31 - 1
COOKIE = "desk_session"
COMPUTER = "desk_computer"
DESK_HEADER = "X-Desk"

DATABASE = web.AppKey("database", Database)
DISPATCH = web.AppKey("dispatch", Dispatch)
HOTELS = web.AppKey("hotels", Hotels)
CLOCK = web.AppKey("clock", Clock)
SETTINGS = web.AppKey("settings", Settings)
DESK = web.AppKey("desk", staff.Desk)
SHARED = web.AppKey("shared", SharedDesks)
PRESENCE = web.AppKey("presence", Presence)


class Sockets(set[web.WebSocketResponse]):
    """The pages that are connected now."""


SOCKETS = web.AppKey("sockets", Sockets)
SIGNED_IN: web.RequestKey[SignedIn] = web.RequestKey("signed_in", SignedIn)


class Problem(Exception):
    """An answer other than success: a status, a code of ours, and what the page needs to say it."""

    def __init__(self, status: int, code: str, **values: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.values = status, code, values


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure as JSON with a sentence that says what to do; never a stack trace."""
    if "\0" in request.path:  # no database and no file system takes it
        return problem_response(request, Problem(404, "not_found"))
    try:
        return await handler(request)
    except Problem as problem:
        metrics.REFUSALS.labels(_edge(request), problem.code).inc()
        return problem_response(request, problem)
    except web.HTTPRequestEntityTooLarge:
        return problem_response(request, Problem(413, "too_large"))
    except web.HTTPException as answered:
        if answered.status < 400 or answered.content_type == "application/json":
            raise
        code = {404: "not_found", 405: "bad_request"}.get(answered.status, "bad_request")
        return problem_response(request, Problem(answered.status, code))
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception as error:
        logger.error("request failed: %s", type(error).__name__, exc_info=True)
        return problem_response(request, Problem(503, "unavailable"))


def problem_response(request: web.Request, problem: Problem) -> web.Response:
    now = request.app[CLOCK].now()
    texts = request.app[HOTELS].texts["en" if prefers_english(request) else "zh"]
    zone = problem.values.pop("zone", None) or UTC
    sentence = texts.render(f"errors_{problem.code}", problem.values, facts={}, now=now, zone=zone)
    shown = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in problem.values.items()}
    body = {"error": {"code": problem.code, "message": sentence, **shown}}
    return web.json_response(body, status=problem.status, dumps=dumps)


def prefers_english(request: web.Request) -> bool:
    return request.headers.get("Accept-Language", "").lower().startswith("en")


def _edge(request: web.Request) -> str:
    return request.path.split("/")[1] or "root"


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not JSON: {type(value).__name__}")


def respond(body: object, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, dumps=dumps)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; `{}` when there is none."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise Problem(400, "bad_request") from None
    if not isinstance(body, dict):
        raise Problem(400, "bad_request")
    return body


def text_of(body: dict[str, Any], name: str, limit: int, required: bool = True) -> str:
    """A text of the body's, at most `limit` characters."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Problem(400, "bad_request")
    if required and not value.strip():
        raise Problem(400, "empty")
    if len(value) > limit:
        raise Problem(400, "too_long", limit=limit)
    return whole(value)


def given_text(body: dict[str, Any], name: str, limit: int) -> str:
    """A text that may be left out, or null; trimmed, and empty then."""
    return text_of({name: body.get(name) or ""}, name, limit, required=False).strip()


def event_of(request: web.Request) -> tuple[ConversationId, int]:
    """The event that an address names."""
    return ConversationId(request.match_info["conversation"]), seq_of(request.match_info["seq"])


def seq_of(value: object) -> int:
    """A seq or a count as a page names it, in a body or an address; 0 for what can't be one."""
    if isinstance(value, str):
        value = int(value) if value.isdecimal() and len(value) < 12 else MAX_SEQ * value.isdecimal()
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MAX_SEQ)


async def push(socket: web.WebSocketResponse, pushing: Awaitable[None]) -> None:
    """Run what pushes to a page. When it fails the page is told to come back: a silent socket looks alive."""
    try:
        await pushing
    except ConnectionResetError:
        return  # the page has gone
    except Exception as error:
        logger.error("a page can't be pushed to: %s", type(error).__name__, exc_info=True)
        await socket.close(code=WSCloseCode.SERVICE_RESTART)


async def close_sockets(app: web.Application) -> None:
    """Before stopping: tell every page that we will be back (1012), so that nobody waits for us."""
    connected = app[SOCKETS]
    closing = [s.close(code=WSCloseCode.SERVICE_RESTART, message=b"restart") for s in connected]
    await asyncio.gather(*closing, return_exceptions=True)


# ---- who may come in


def same_origin(request: web.Request) -> bool:
    """Whether the page that asks is our own. A request without Origin isn't a page's."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    ours = {request.host.lower(), urlsplit(request.app[SETTINGS].base_url).netloc.lower()}
    return urlsplit(origin).netloc.lower() in ours


@web.middleware
async def guard_desk(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The desk's API: signed in, from our own page, in a hotel one works for, in a role that may do this.
    Signing in alone is open."""
    if not request.path.startswith("/desk/v1/"):
        return await handler(request)
    if not same_origin(request):
        raise Problem(403, "bad_origin")
    if request.method not in ("GET", "HEAD") and request.headers.get(DESK_HEADER) != "1":
        raise Problem(403, "missing_header")
    if (request.method, request.path) == SIGN_IN:
        return await handler(request)
    signed_in = await request.app[DESK].who(request.cookies.get(COOKIE, ""))
    if signed_in is None:
        raise Problem(401, "signed_out")
    if signed_in.locked and (request.method, request.path) not in LOCKED:
        raise Problem(401, "desk_locked")
    _check_hotel(request, signed_in)
    _check_permission(request, signed_in)
    request[SIGNED_IN] = signed_in
    return await handler(request)


def _check_hotel(request: web.Request, signed_in: SignedIn) -> None:
    hotel = request.match_info.get("hotel")
    if hotel is None:
        return
    if signed_in.staff.must_change:
        raise Problem(403, "must_change_password")
    if must_set_factor(request, signed_in):
        raise Problem(403, "must_set_second_factor")
    if HotelId(hotel) not in signed_in.roles:
        raise Problem(403, "foreign_hotel")


def may_have_factor(request: web.Request, signed_in: SignedIn) -> bool:
    return request.app[SETTINGS].second_factor != "off" and is_for(signed_in.roles)


def must_set_factor(request: web.Request, signed_in: SignedIn) -> bool:
    """Whether nothing opens for them before they have set up a second factor."""
    required = request.app[SETTINGS].second_factor == "required"
    return required and is_for(signed_in.roles) and signed_in.staff.second_factor is None


def _check_permission(request: web.Request, signed_in: SignedIn) -> None:
    """What stands in no table is refused."""
    resource = request.match_info.route.resource
    if resource is None:
        return  # no such route: 404 says so
    route = ("GET" if request.method == "HEAD" else request.method, resource.canonical)
    if route in OWN:
        return
    role = signed_in.roles.get(HotelId(request.match_info.get("hotel", "")))
    if route not in ROUTES or not may(role, ROUTES[route]):
        raise Problem(403, "forbidden")


class Limit:
    """At most `count` in `seconds` for each key; remembers the most recent keys only."""

    def __init__(self, clock: Clock, count: int, seconds: float, keys: int = 10_000) -> None:
        self._clock, self._count, self._seconds, self._keys = clock, count, seconds, keys
        self._seen: OrderedDict[str, list[float]] = OrderedDict()

    def allows(self, key: str) -> bool:
        now = self._clock.monotonic()
        recent = [at for at in self._seen.pop(key, []) if now - at < self._seconds]
        allowed = len(recent) < self._count
        self._seen[key] = [*recent, now] if allowed else recent
        while len(self._seen) > self._keys:
            self._seen.popitem(last=False)
        return allowed


@dataclass(frozen=True)
class Caller:
    """Who is at the desk, in which hotel, since when they have been asking."""

    hotel: HotelId
    signed_in: SignedIn
    at: datetime

    @property
    def role(self) -> str:
        return self.signed_in.roles[self.hotel]

    def may(self, permission: Permission) -> bool:
        """Where a route does more for some than for others; what it needs stands in permissions.ROUTES."""
        return may(self.role, permission)


def caller(request: web.Request) -> Caller:
    return Caller(HotelId(request.match_info["hotel"]), request[SIGNED_IN], request.app[CLOCK].now())


def may_send(me: Caller, frame: dict[str, Any]) -> bool:
    """Whether somebody at the desk may send this over the feed."""
    wanted = FRAMES.get(str(frame.get("type")))
    return wanted is not None and me.may(wanted)


@web.middleware
async def secure_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response
