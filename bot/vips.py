"""A hotel's list of VIPs: read from CSV, compared with the guests there are. What it marks, staff may unmark.

A line names somebody by guest id, member number (as the hotel's site or app signs it), a platform's id, or
name and room together. That sets an order in a queue and proves nothing: nobody is linked by it.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking
from bot.model import ExternalId, GuestId, HotelId
from bot.store import vips
from bot.store.vips import Found

SITE = "site:"  # before a subject that the hotel's site or app has signed
COLUMNS = {
    "guest": ("guest", "客人编号"),
    "member": ("member", "会员号"),
    "openid": ("openid", "微信openid"),
    "name": ("name", "姓名"),
    "room": ("room", "房号"),
    "vip": ("vip", "是否vip"),
}
NO = frozenset({"no", "n", "0", "false", "否", "不是", "取消"})
YES = frozenset({"", "yes", "y", "1", "true", "是", "vip"})
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
    """What a list would change, and the lines that change nothing: as it is already, nobody, several."""

    changes: tuple[Change, ...] = ()
    same: int = 0
    nobody: tuple[Wanted, ...] = ()
    several: tuple[Wanted, ...] = ()


def read(data: bytes) -> list[Wanted]:
    """The lines of a CSV as Excel saves it. Raises BadList."""
    rows = csv.DictReader(io.StringIO(_text(data)))
    known = {alias: name for name, aliases in COLUMNS.items() for alias in aliases}
    heads = {head: known.get((head or "").strip().lower().replace(" ", "")) for head in rows.fieldnames or ()}
    if not {"guest", "member", "openid"} & {*heads.values()} and not {"name", "room"} <= {*heads.values()}:
        raise BadList("The first line must name columns: guest, member or openid, or name and room; and vip.")
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
    for name in ("guest", "member", "openid"):  # the surest of what it says
        if told.get(name):
            return Wanted(line, {name: told[name]}, vip in YES)
    if told.get("name") and told.get("room"):
        return Wanted(line, {"name": told["name"], "room": told["room"]}, vip in YES)
    return "it must say guest, member or openid, or both name and room"


async def compare(tx: AsyncConnection, hotel: HotelId, wanted: Sequence[Wanted], now: datetime) -> Comparison:
    """What the list changes. A later line about the same guest is the one that counts."""
    nobody, several, same = list[Wanted](), list[Wanted](), set[GuestId]()
    changes: dict[GuestId, Change] = {}
    for one in wanted:
        found = await _found(tx, hotel, one, now)
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
    return Comparison(tuple(changes.values()), len(same), tuple(nobody), tuple(several))


async def _found(tx: AsyncConnection, hotel: HotelId, one: Wanted, now: datetime) -> list[Found]:
    names = one.names
    if "guest" in names:
        return await vips.by_id(tx, hotel, GuestId(names["guest"]))
    if "member" in names:
        return await vips.by_subject(tx, hotel, linking.proofs_named((f"{SITE}{names['member']}",)))
    if "openid" in names:
        return await vips.by_external(tx, hotel, ExternalId(names["openid"]))
    return await vips.by_stay(tx, hotel, names["name"], names["room"], now)
