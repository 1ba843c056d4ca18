"""Who may use the app's API: whoever brings a token that the hotel's backend has signed, within limits."""

from dataclasses import dataclass

from aiohttp import web

from bot import guest_tokens, metrics
from bot.accounts import GuestKeys
from bot.channels.web import allowed
from bot.guest_tokens import BadToken, Signed
from bot.http.guard import CLOCK, DATABASE, HOTELS, Handler, Limit, Problem, problem_response, same_origin
from bot.knowledge import Hotel
from bot.model import ExternalId
from bot.store import desk
from bot.store.desk import AccountRow

ROOT = "/app/v1/"

KEYS = web.AppKey("app_keys", GuestKeys)
CALLS = web.AppKey("app_calls", Limit)


@dataclass(frozen=True)
class Caller:
    """The guest whom the hotel's backend vouches for."""

    account: AccountRow
    hotel: Hotel
    signed: Signed

    @property
    def external(self) -> ExternalId:
        return ExternalId(self.signed.subject)

    @property
    def limit_key(self) -> str:
        return f"{self.account.account}\n{self.signed.subject}"


CALLER: web.RequestKey[Caller] = web.RequestKey("app_caller", Caller)


@web.middleware
async def guard_app(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The app's API: a token that is believed. CORS for pages that the account allows, for nobody else."""
    if not request.path.startswith(ROOT):
        return await handler(request)
    origin = request.headers.get("Origin")
    try:
        if request.method == "OPTIONS":
            response: web.StreamResponse = await _preflight(request)
        else:
            if request.path != f"{ROOT}socket":
                request[CALLER] = await believe(request, _bearer(request))
            response = await handler(request)
    except Problem as problem:
        metrics.REFUSALS.labels("app", problem.code).inc()
        response = problem_response(request, problem)
    if origin and not response.prepared and response.status != 403:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, "token_missing")
    return token.strip()


async def believe(request: web.Request, token: object) -> Caller:
    """Raises Problem: 401 with the reason, 403 for a page of an origin that isn't the account's, 429."""
    now = request.app[CLOCK].now()
    try:
        named = guest_tokens.named_audience(token)
        async with request.app[DATABASE].read() as tx:
            account = await desk.account_of(tx, "app", named)
            if account is None:
                raise BadToken("token_audience")
            hotel = await request.app[HOTELS].get(tx, account.hotel)
        signed = guest_tokens.verify(token, request.app[KEYS].of(account), account.account, now)
    except BadToken as bad:
        raise Problem(401, bad.code) from None
    if not same_origin(request) and not allowed(request.headers.get("Origin"), _origins(account)):
        raise Problem(403, "bad_origin")
    caller = Caller(account, hotel, signed)
    if not request.app[CALLS].allows(caller.limit_key):
        raise Problem(429, "too_many")
    return caller


def _origins(account: AccountRow) -> list[str]:
    return list(account.config.get("origins", ()))


async def _preflight(request: web.Request) -> web.Response:
    """A browser asks before it sends the token: answered for any account's pages, checked again after."""
    async with request.app[DATABASE].read() as tx:
        known = [o for a in await desk.list_accounts(tx) if a.channel == "app" for o in _origins(a)]
    if not same_origin(request) and not allowed(request.headers.get("Origin"), known):
        raise Problem(403, "bad_origin")
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)
