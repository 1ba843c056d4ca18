"""Signing a visitor in from inside WeChat: a one-time token that the hosted page shows, and what it proves.

The token is made for a proven openid, lives two minutes and works once; only its hash is kept. Nothing here
talks to the platform.
"""

import hashlib
import secrets
from datetime import timedelta

from bot.dispatch import Dispatch
from bot.model import AccountId, ExternalId, HotelId
from bot.store import people, proofs
from bot.store.desk import AccountRow

LIFE = timedelta(minutes=2)


def subject_of(account: AccountId, openid: ExternalId) -> str:
    """What is proven of a follower, on every channel that they show it on."""
    return f"wechat:{account}:{openid}"


async def token_for(dispatch: Dispatch, account: AccountRow, openid: ExternalId) -> str:
    """A token for this openid, which the platform has just vouched for."""
    identity = await dispatch.recognition.recognise(
        account, openid, (subject_of(account.account, openid),), meet=True
    )
    assert identity
    token, now = secrets.token_urlsafe(32), dispatch.clock.now()
    async with dispatch.database.write() as tx:
        hashed = _hash(identity.hotel, token)
        await proofs.add_code(tx, identity.hotel, hashed, identity.id, now, now + LIFE)
    return token


async def signed_by(dispatch: Dispatch, hotel: HotelId, token: str) -> str | None:
    """The subject that a token proves, once; None for one that is unknown, used or too old."""
    async with dispatch.database.write() as tx:
        whose = await proofs.take_code(tx, hotel, _hash(hotel, token), dispatch.clock.now())
        found = await people.identity_of(tx, hotel, whose) if whose else None
    if found is None or found.external is None:
        return None
    return subject_of(found.account, found.external)


def _hash(hotel: HotelId, token: str) -> str:
    return hashlib.sha256(f"sign-in\n{hotel}\n{token}".encode()).hexdigest()
