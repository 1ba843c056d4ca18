"""Where a reply may go: the guest's identities, and what each one's channel still takes."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import CHANNELS
from bot.conversation import Conversation
from bot.http.guard import Problem
from bot.http.views import Lens
from bot.media import LIMITS
from bot.model import ConversationId, HotelId, IdentityId
from bot.store import desk, log, people
from bot.store.people import Identity


async def show_reply(tx: AsyncConnection, lens: Lens, row: Conversation) -> dict[str, Any] | None:
    """The way to where the guest last wrote, and all ways there are, that one first."""
    if row.identity is None:
        return None
    known = await people.identities_of(tx, lens.hotel.id, row.id)
    heard = await log.last_heard(tx, lens.hotel.id, row.id)
    live = [one for one in known if one.external is not None or one.id == row.identity]
    live.sort(key=lambda one: (one.id != row.identity, -heard.get(one.id, (0, None))[0]))
    ways = [{**await _way(tx, lens, row, one), "last_at": heard.get(one.id, (0, None))[1]} for one in live]
    return {**ways[0], "ways": ways, "file_limits": LIMITS} if ways else None


async def _way(tx: AsyncConnection, lens: Lens, row: Conversation, identity: Identity) -> dict[str, Any]:
    channel = CHANNELS[identity.channel]
    limits: dict[str, Any] = {"kind": "none"}
    if channel.windows:
        account = await desk.account_of(tx, identity.channel, identity.account)
        ledger = await people.ledger_of(tx, lens.hotel.id, identity.id)
        allowance = channel.windows.allowance(ledger, lens.now)
        limits = {
            "kind": identity.channel,
            "left": allowance.left,
            "closes_at": allowance.closes_at,
            "passive_only": bool(account and not account.config.get("custom_send", True)),
        }
    return {
        "identity": identity.id,
        "channel": identity.channel,
        "limits": limits,
        "reachable": row.reachable and identity.external is not None,
        "max_bytes": channel.capabilities.max_bytes,
        "media": sorted(channel.capabilities.media),
    }


async def check_way(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, way: IdentityId
) -> None:
    """Raises Problem for what isn't a live identity of this conversation's guest."""
    identity = await people.identity_of(tx, hotel, way)
    if identity is None or identity.conversation != conversation or identity.external is None:
        raise Problem(409, "no_such_way")
