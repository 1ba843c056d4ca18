"""A hotel's list of VIPs: read from CSV, compared with the guests there are. What it marks, staff may unmark.

A line names somebody by guest id, member or phone number (as the hotel's site or app signs it), a platform's
id, or name and room together. That sets an order in a queue and proves nothing: nobody is linked by it.

Who hasn't written yet is awaited under what they will prove, kept as a keyed hash and nothing else: whoever
reads the database learns of nobody who has never been here.
"""

import csv
import hashlib
import hmac
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking
from bot.model import ExternalId, GuestId, HotelId
from bot.sealing import Seal
from bot.store import vips
from bot.store.database import Database
from bot.store.vips import Found

SITE = "site:"  # before a subject that the hotel's site or app has signed
COLUMNS = {
    "guest": ("guest", "客人编号"),
    "member": ("member", "会员号"),
    "phone": ("phone", "手机号"),
    "openid": ("openid", "微信openid"),
    "name": ("name", "姓名"),
    "room": ("room", "房号"),
    "vip": ("vip", "是否vip"),
}
NO = frozenset({"no", "n", "0", "false", "否", "不是", "取消"})
YES = frozenset({"", "yes", "y", "1", "true", "是", "vip"})
SURE = frozenset({"guest", "member", "phone", "openid"})  # each alone says who is meant
MOST = 20_000  # lines


class BadList(ValueError):
    """All that is wrong with a list, a line each."""


@dataclass(frozen=True)
class Wanted:
    """One line of the list: `names` are the columns that say who is meant."""

    line: int
    names: dict[str, str]
    vip: bool

    def __str__(self) -> str:
        return " ".join(self.names.values())


@dataclass(frozen=True)
class Change:
    wanted: Wanted
    guest: GuestId


@dataclass(frozen=True)
class Comparison:
    """What a list would change, and the lines that change nothing: as it is already, nobody, several.

    `awaits` will count when its guest proves who they are, `forgets` no longer; `waiting` are so already."""

    changes: tuple[Change, ...] = ()
    same: int = 0
    awaits: tuple[Wanted, ...] = ()
    forgets: tuple[Wanted, ...] = ()
    waiting: int = 0
    nobody: tuple[Wanted, ...] = ()
    several: tuple[Wanted, ...] = ()


def read(data: bytes) -> list[Wanted]:
    """The lines of a CSV as Excel saves it. Raises BadList."""
    rows = csv.DictReader(io.StringIO(_text(data)))
    known = {alias: name for name, aliases in COLUMNS.items() for alias in aliases}
    heads = {head: known.get((head or "").strip().lower().replace(" ", "")) for head in rows.fieldnames or ()}
    if not SURE & {*heads.values()} and not {"name", "room"} <= {*heads.values()}:
        raise BadList(
            "The first line must name columns: guest, member, phone or openid, or name and room; and vip."
        )
    found, wrong = list[Wanted](), list[str]()
    for line, row in enumerate(rows, 2):
        told = {name: (row.get(head) or "").strip() for head, name in heads.items() if name}
        if not any(told.values()):
            continue
        one = _wanted(line, told)
        if isinstance(one, str):
            wrong.append(f"line {line}: {one}")
        else:
            found.append(one)
    if len(found) > MOST:
        wrong.append(f"more than {MOST} lines")
    if wrong:
        raise BadList("\n".join(wrong))
    return found


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadList("It is neither UTF-8 nor GB18030.")


def _wanted(line: int, told: dict[str, str]) -> Wanted | str:
    vip = told.pop("vip", "").lower()
    if vip not in YES | NO:
        return f"vip is {vip!r}, and must be yes or no"
    told["phone"] = _digits(told.get("phone", ""))
    for name in ("guest", "member", "phone", "openid"):  # the surest of what it says
        if told.get(name):
            return Wanted(line, {name: told[name]}, vip in YES)
    if told.get("name") and told.get("room"):
        return Wanted(line, {"name": told["name"], "room": told["room"]}, vip in YES)
    return "it must say guest, member, phone or openid, or both name and room"


def _digits(phone: str) -> str:
    """As hotels sign it: without spaces, dashes, and the country's code of the mainland."""
    return re.sub(r"[\s\-()]|^(?:\+|00)86", "", phone)


async def compare(
    tx: AsyncConnection, seal: Seal, hotel: HotelId, wanted: Sequence[Wanted], now: datetime
) -> Comparison:
    """What the list changes. A later line about the same guest is the one that counts."""
    nobody, several, same = list[Wanted](), list[Wanted](), set[GuestId]()
    strangers: dict[str, Wanted] = {}
    changes: dict[GuestId, Change] = {}
    for one in wanted:
        found = await _found(tx, hotel, one, now)
        if not found and (proof := _proof(one)):
            strangers[proof] = one
            continue
        if len(found) != 1:
            (several if found else nobody).append(one)
            continue
        guest, marked = found[0]
        changes.pop(guest, None)
        same.discard(guest)
        if marked == one.vip:
            same.add(guest)
        else:
            changes[guest] = Change(one, guest)
    awaits, forgets, waiting = list[Wanted](), list[Wanted](), 0
    for proof, one in strangers.items():
        already = await vips.awaited(tx, hotel, keys(seal, hotel, proof))
        waiting += already and one.vip
        if already is not one.vip:
            (awaits if one.vip else forgets).append(one)
    return Comparison(
        tuple(changes.values()),
        len(same),
        tuple(awaits),
        tuple(forgets),
        waiting,
        tuple(nobody),
        tuple(several),
    )


async def _found(tx: AsyncConnection, hotel: HotelId, one: Wanted, now: datetime) -> list[Found]:
    names = one.names
    if "guest" in names:
        return await vips.by_id(tx, hotel, GuestId(names["guest"]))
    if signed := _signed(one):
        return await vips.by_subject(tx, hotel, (signed,))
    if "openid" in names:
        return await vips.by_external(tx, hotel, ExternalId(names["openid"]))
    return await vips.by_stay(tx, hotel, names["name"], names["room"], now)


# ---- who hasn't written yet


def _signed(one: Wanted) -> str | None:
    """The subject that a token of theirs would prove."""
    number = one.names.get("member") or one.names.get("phone")
    return linking.proofs_named((f"{SITE}{number}",))[0] if number else None


def _proof(one: Wanted) -> str | None:
    """What shows that they are here: a signed subject, or a platform's word."""
    return _signed(one) or (platform_id(one.names["openid"]) if "openid" in one.names else None)


def platform_id(external: str) -> str:
    return f"platform:{external}"


def keys(seal: Seal, hotel: HotelId, proof: str) -> list[str]:
    """What it is kept as, under each of our keys; the first is written, any is found."""
    told = f"{hotel}\n{proof}".encode()
    return [hmac.new(key, told, hashlib.sha256).hexdigest() for key in seal.derived("vips awaited")]


async def expect(tx: AsyncConnection, seal: Seal, hotel: HotelId, found: Comparison, now: datetime) -> None:
    """Wait for whom the list awaits, and no longer for the others."""
    for one in found.awaits:
        await vips.wait_for(tx, hotel, keys(seal, hotel, str(_proof(one)))[0], now)
    for one in found.forgets:
        await vips.wait_no_longer(tx, hotel, keys(seal, hotel, str(_proof(one))))


async def come_meanwhile(
    database: Database, seal: Seal, hotel: HotelId, listed: Comparison, now: datetime
) -> tuple[Change, ...]:
    """What else the list changes now that its awaited ones are written down: who showed who they are in the
    meantime was looked for too early, and looked too early themselves."""
    async with database.write() as tx:
        await vips.hold(tx, hotel, alone=True)
    async with database.read() as tx:
        found = await compare(tx, seal, hotel, (*listed.awaits, *listed.forgets), now)
    async with database.write() as tx:
        return tuple([one for one in found.changes if await _left(tx, seal, hotel, one.wanted)])


async def _left(tx: AsyncConnection, seal: Seal, hotel: HotelId, one: Wanted) -> bool:
    """Whether nobody else has marked them: they are still awaited, and no longer."""
    return not one.vip or await vips.wait_no_longer(tx, hotel, keys(seal, hotel, str(_proof(one))))


async def was_awaited(tx: AsyncConnection, seal: Seal, hotel: HotelId, proofs: Sequence[str]) -> bool:
    """Whether a VIP was awaited who would prove one of these; from now on they are here."""
    all_ = [key for proof in proofs for key in keys(seal, hotel, proof)]
    await vips.hold(tx, hotel)
    return bool(all_) and await vips.wait_no_longer(tx, hotel, all_)
