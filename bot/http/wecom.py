"""企业微信客服's callback: a verified nudge, answered when what it told of is in the log."""

import logging

from aiohttp import web

from bot.accounts import Accounts
from bot.channels import wechat, wecom
from bot.channels.wecom.client import CannotPull
from bot.http.guard import MAX_BODY
from bot.http.wechat import push_refused
from bot.model import AccountId
from bot.pulling import Puller
from bot.store.desk import AccountRow

logger = logging.getLogger(__name__)

ACCOUNTS = web.AppKey("wecom_accounts", Accounts[wecom.Account])
PULLER = web.AppKey("wecom_puller", Puller)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/wecom/{account}", verify_address)
    app.router.add_post("/wecom/{account}", take_nudge)


async def verify_address(request: web.Request) -> web.Response:
    row = await _row(request)
    try:
        echo = wecom.verify_address(request.app[ACCOUNTS].open(row), request.query)
    except wechat.PushRefused as refused:
        return push_refused("wecom", refused)
    return web.Response(text=echo, content_type="text/plain")


async def take_nudge(request: web.Request) -> web.Response:
    row = await _row(request)
    if (request.content_length or 0) > MAX_BODY:
        return push_refused("wecom", wechat.TooLarge("body"))
    account = request.app[ACCOUNTS].open(row)
    try:
        nudge = wecom.open_nudge(account, request.query, await request.read())
    except wechat.PushRefused as refused:
        return push_refused("wecom", refused)
    if nudge is None or nudge.open_kfid != account.open_kfid:
        return web.Response(text="success")  # of no use to us, and no reason to be told again
    try:
        await request.app[PULLER].pull(row, nudge.token)
    except CannotPull as cannot:
        logger.warning("a nudge brought nothing: %s", cannot)
        raise web.HTTPServiceUnavailable from None  # the platform nudges again, and so do we
    return web.Response(text="success")


async def _row(request: web.Request) -> AccountRow:
    row = await request.app[ACCOUNTS].row(AccountId(request.match_info["account"]))
    if row is None:
        raise web.HTTPNotFound
    return row
