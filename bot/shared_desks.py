"""A desk that several people share: it locks, and a PIN opens it for whoever has signed in on this computer.

A PIN is short, so it counts only there, after a password, and only so often: then the password is asked for.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bot import staff
from bot.clock import Clock
from bot.store import members, sign_ins
from bot.store.database import Database
from bot.store.members import Staff

WRONG_PINS = 5  # in a row; from then on only the password opens
SHORTEST, LONGEST = 4, 8  # digits


class WrongPin(Exception):
    """Not this PIN, or nobody who may open this desk with one. `left`: how often it may be tried."""

    def __init__(self, left: int) -> None:
        super().__init__("wrong pin")
        self.left = left


@dataclass(frozen=True)
class Known:
    """Somebody who has signed in on this computer, and whether their PIN opens it."""

    member: Staff
    opens: bool


def is_pin(text: str) -> bool:
    return SHORTEST <= len(text) <= LONGEST and text.isascii() and text.isdecimal()


class SharedDesks:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def lock(self, token: str) -> None:
        async with self._database.write() as tx:
            await sign_ins.lock_sign_in(tx, staff.token_hash(token), self._clock.now())

    async def known(self, computer: str) -> Sequence[Known]:
        async with self._database.read() as tx:
            found = await sign_ins.signed_in_on(tx, staff.token_hash(computer), self._clock.now())
        return [Known(member, _opens(member)) for member in found]

    async def set_pin(self, member: Staff, password: str, pin: str) -> None:
        """Raises WrongLogin."""
        if not await asyncio.to_thread(staff.verify, member.password, password):
            raise staff.WrongLogin
        hashed = await asyncio.to_thread(staff.hashed, pin)
        async with self._database.write() as tx:
            await members.change_staff(tx, member.id, pin=hashed, pin_failures=0)

    async def open(self, token: str, computer: str, login: str, pin: str) -> str:
        """Unlock the desk for somebody: a new token, ending when their sign-in would. Raises WrongPin."""
        now, place = self._clock.now(), staff.token_hash(computer)
        # Counted before it is looked at, so that many at once are no more tries than one after the other.
        async with self._database.write() as tx:
            known = {one.login: one for one in await sign_ins.signed_in_on(tx, place, now)}
            member = known.get(login)
            if member is None or not _opens(member):
                raise WrongPin(0)
            failures = await sign_ins.count_wrong_pin(tx, member.id)
        if failures > WRONG_PINS or not await asyncio.to_thread(staff.verify, member.pin or "", pin):
            raise WrongPin(max(0, WRONG_PINS - failures))
        fresh = secrets.token_urlsafe(32)
        async with self._database.write() as tx:
            await members.change_staff(tx, member.id, pin_failures=0)
            await sign_ins.lock_sign_in(tx, staff.token_hash(token), now)
            if not await sign_ins.move_sign_in(tx, place, member.id, staff.token_hash(fresh), now):
                raise WrongPin(0)  # it has ended meanwhile
        return fresh


def _opens(member: Staff) -> bool:
    return member.pin is not None and member.pin_failures < WRONG_PINS
