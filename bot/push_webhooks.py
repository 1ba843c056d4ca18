"""Tells a hotel's own backend that its guest, who isn't in the app, has something to read.

Light by design: who, where and how much, none of the words. The backend pushes to the phone by whatever it
uses. Signed with HMAC-SHA256, repeated until it is taken, the same event under the same id. A row of the
outbox is one event; whoever leases it calls `push` and puts it back for as long as that says.
"""

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import metrics
from bot.model import ActorKind, Audience, IdentityId
from bot.sealing import CannotOpen, Seal
from bot.store import desk, log, people, read_marks
from bot.store.database import Database
from bot.store.desk import AccountRow
from bot.store.outbox import Item

logger = logging.getLogger(__name__)

AWAY = 20  # seconds without a look until a guest counts as away, unless the account says otherwise
TIMEOUT = 4.0  # shorter than any lease
SIGNATURE = "X-Dianxiaoer-Signature"
AGAIN = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200))
_WORTH_REPEATING = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Webhook:
    """Where an account's backend listens, and what proves that it is us."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


def sign(secret: str, at: int, body: bytes) -> str:
    """t=<seconds>,v1=<hex>: HMAC-SHA256 over the time, a full stop and the body as it was sent."""
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


class PushWebhooks:
    """Calls the backends of apps. One that doesn't answer is logged and counted, never raised."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database, self._seal = database, seal

    async def push(self, item: Item, now: datetime) -> timedelta | None:
        """Say it, if it is still to be said. How long to wait before saying it again, or None."""
        async with self._database.read() as tx:
            found = await _event(tx, item, now)
        if found is None:
            return None
        account, event = found
        webhook = self._opened(account)
        if webhook is None:
            return None
        why = await _post(webhook, event, int(now.timestamp()))
        metrics.PUSHES.labels("failed" if why else "accepted").inc()
        if why is None:
            return None
        again = AGAIN[item.attempts - 1] if why.repeat and item.attempts <= len(AGAIN) else None
        logger.warning("an app's backend didn't take a push: %s%s", why.words, "" if again else ", given up")
        return again

    def _opened(self, account: AccountRow) -> Webhook | None:
        try:
            kept = self._seal.open_secrets(account.sealed, f"{account.channel}/{account.account}")
            return Webhook(kept["push_url"], kept.get("push_secret", ""))
        except (CannotOpen, KeyError) as error:
            logger.error("an app's push address can't be read: %s", type(error).__name__)
            return None


async def _event(tx: AsyncConnection, item: Item, now: datetime) -> tuple[AccountRow, dict[str, Any]] | None:
    """What there is to say, or None: it was fetched meanwhile, or there is nobody to tell."""
    identity = await people.identity_of(tx, item.hotel, IdentityId(item.key))
    if identity is None or identity.external is None or identity.conversation != item.conversation:
        return None
    account = await desk.account_of(tx, identity.channel, identity.account)
    viewer = f"identity:{identity.id}"
    seen = await read_marks.read_mark(tx, item.hotel, item.conversation, viewer)
    thread = await log.read_thread(tx, item.hotel, item.conversation, seen, Audience.GUEST)
    unread = [e for e, _ in thread if e.identity == identity.id and e.actor.kind in _SPEAKERS]
    if account is None or not unread:
        return None
    return account, {
        "id": f"{item.id}-{unread[-1].seq}",
        "type": "guest.unread",
        "at": now.isoformat(),
        "account": account.account,
        "hotel": item.hotel,
        "subject": identity.external,
        "conversation": item.conversation,
        "unread": len(unread),
        "kind": "staff" if any(e.actor.kind is ActorKind.STAFF for e in unread) else "assistant",
    }


_SPEAKERS = (ActorKind.ASSISTANT, ActorKind.STAFF)


@dataclass(frozen=True)
class _Refused:
    words: str
    repeat: bool


async def _post(webhook: Webhook, event: dict[str, Any], at: int) -> _Refused | None:
    """None: it was taken. A redirect isn't followed: the address is the one that was set."""
    body = json.dumps(event, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", SIGNATURE: sign(webhook.secret, at, body)}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as got,
        ):
            return None if 200 <= got.status < 300 else _refusal(got.status)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return _Refused(type(error).__name__, True)


def _refusal(status: int) -> _Refused:
    return _Refused(f"status {status}", status >= 500 or status in _WORTH_REPEATING)
