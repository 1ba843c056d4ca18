"""Staff accounts: passwords (argon2), lockout, sign-ins, and who has left.

A password is never stored, a sign-in's token only as a hash. Hashing runs in a thread: it is slow on purpose.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders, second_factor
from bot.clock import Clock
from bot.conversation import Wake
from bot.ids import new_id
from bot.model import ConversationId, HotelId, PromiseState, StaffId
from bot.roles import Role
from bot.sealing import Seal
from bot.store import acquaintance, audits, desk, members, outbox, posts, promises, sign_ins
from bot.store.database import Database
from bot.store.members import Staff

FAILURES = 5
LOCKED = timedelta(minutes=15)
SIGNED_IN = timedelta(hours=12)
MINIMUM = 10  # characters of a password of one's own
ROLES = tuple(role.value for role in Role)

_HASHER = PasswordHasher()


class WrongLogin(Exception):
    """No such login, or not this password."""


class CodeNeeded(Exception):
    """The password was right; now the six digits."""


class WrongCode(Exception):
    """Not this code, or one that was used before."""


class Locked(Exception):
    """Too many failures; `retry_at` says when to try again."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__("locked")
        self.retry_at = retry_at


class UnknownStaff(LookupError):
    """Nobody has this login."""


@dataclass(frozen=True)
class SignedIn:
    """Who is at the desk, and in which hotels they work, with which role."""

    staff: Staff
    roles: dict[HotelId, str]
    locked: bool = False  # nothing is shown until somebody has opened the desk again


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def hashed(secret: str) -> str:
    """Slow on purpose: call it in a thread."""
    return _HASHER.hash(secret)


def one_time_password() -> str:
    return secrets.token_urlsafe(12)


async def add(
    tx: AsyncConnection,
    login: str,
    name: str,
    roles: Mapping[HotelId, str],
    password: str,
    now: datetime,
    guest_name: str | None = None,
) -> StaffId:
    """Add a person with a one-time password. `guest_name`: what guests read; else the name."""
    id_ = StaffId(new_id())
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    await members.add_staff(
        tx, Staff(id_, login, name, hashed, True, True, 0, None, guest_name=guest_name), now
    )
    for hotel, role in roles.items():
        await members.join_hotel(tx, hotel, id_, role)
    return id_


async def grant(
    tx: AsyncConnection, login: str, hotel: HotelId, role: str, expires_at: datetime | None = None
) -> None:
    """Let a person work in a hotel, in this role from now on, until then or for good. Raises UnknownStaff."""
    await members.join_hotel(tx, hotel, (await _member(tx, login)).id, role, expires_at)


async def reset(tx: AsyncConnection, login: str, password: str, now: datetime) -> None:
    """Give a person a new one-time password and end all sign-ins. Raises UnknownStaff."""
    member = await _member(tx, login)
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    fresh = {"password": hashed, "must_change": True, "failures": 0, "locked_until": None, "changed_at": now}
    fresh |= {"pin": None, "pin_failures": 0}
    await members.change_staff(tx, member.id, **fresh)
    await audit(tx, member.id, now, "password_reset", member.id, None)
    await end_others(tx, member.id, "", now, None)


async def end_others(
    tx: AsyncConnection, id_: StaffId, present: str, now: datetime, who: StaffId | None
) -> None:
    """What opens the desk for somebody has changed: what it opened before ends, but for the sign-in with this
    token; on record."""
    ended = await sign_ins.sign_out_others(tx, id_, token_hash(present), now)
    if ended:
        await audit(tx, id_, now, "signed_out_elsewhere", f"{id_}: {ended}", who)


async def audit(
    tx: AsyncConnection, whose: StaffId, now: datetime, action: str, what: str, who: StaffId | None
) -> None:
    """What is one person's own goes on record in each of their hotels."""
    for hotel in await members.terms_of(tx, whose):
        await audits.record(tx, hotel, new_id(), now, who, action, what)


async def add_factor(
    tx: AsyncConnection,
    seal: Seal,
    member: Staff,
    factor: second_factor.Factor,
    step: int | None,
    now: datetime,
    present: str,
) -> bool:
    """False when they have one already. Ends their sign-ins but the `present` one, by its token."""
    await members.change_staff(tx, member.id, changed_at=now)  # the row is ours from here
    if (await _member(tx, member.login)).second_factor is not None:
        return False
    kept = second_factor.closed(seal, member.id, factor)
    await members.change_staff(tx, member.id, second_factor=kept, second_step=step)
    await audit(tx, member.id, now, "second_factor_on", member.id, member.id)
    await end_others(tx, member.id, present, now, member.id)
    return True


async def drop_factor(
    tx: AsyncConnection, login: str, now: datetime, who: StaffId | None, present: str = ""
) -> bool:
    """False when they had none. Ends their sign-ins but the `present` one, by its token.

    Raises UnknownStaff."""
    member = await _member(tx, login)
    if member.second_factor is None:
        return False
    await members.change_staff(tx, member.id, second_factor=None)  # the last step used stays
    await audit(tx, member.id, now, "second_factor_off", member.id, who)
    await end_others(tx, member.id, present, now, who)
    return True


CONVERSATION, PROMISE, ORDER, GUEST = "c", "p", "o", "g"
MOST = 10_000  # things that one person may hold


@dataclass(frozen=True)
class Held:
    """One thing that somebody holds: a conversation, a promise, an order; or a guest whom they know. `seq` is
    where it began, `by` who holds it."""

    hotel: HotelId
    kind: str
    id: str
    conversation: ConversationId
    seq: int
    what: str | None = None
    by: StaffId | None = None

    def key(self, to: StaffId | None) -> str:
        """What the outbox row that hands it over is called; a conversation's row names it and its guest."""
        named = {CONVERSATION: "", GUEST: self.by}.get(self.kind, self.id)
        return f"{self.kind}:{named}:{to or ''}"


def named(key: str) -> tuple[str, str, StaffId | None]:
    """The kind, the id (a guest's row: of who knew them) and the new owner that a row's key names."""
    kind, id_, to = key.split(":")
    return kind, id_, StaffId(to) if to else None


async def held_by(tx: AsyncConnection, id_: StaffId, now: datetime) -> list[Held]:
    """Everything open that a person holds, and the guests they know best, in every hotel."""
    found = []
    for hotel in await members.terms_of(tx, id_):
        found += await held_in(tx, hotel, id_, now)
    return found


async def held_in(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> list[Held]:
    rows = await desk.list_conversations(tx, hotel, holder=id_, limit=MOST, now=now)
    found = [Held(hotel, CONVERSATION, row.id, row.id, row.seq) for row in rows]
    owed = await promises.listed(tx, hotel, PromiseState.OPEN, owner=id_, limit=MOST)
    found += [Held(hotel, PROMISE, p.id, p.conversation, p.made_seq, p.words) for p in owed]
    taken = await desk.list_orders(tx, hotel, orders.OPEN, owner=id_, limit=MOST)
    found += [Held(hotel, ORDER, o.id, o.conversation, o.seq, o.details.get("what")) for o in taken]
    best = [known.row for known in await acquaintance.known_best(tx, hotel, id_, now)]
    return [*found, *(Held(hotel, GUEST, row.guest, row.id, row.seq, by=id_) for row in best)]


async def deactivate(
    tx: AsyncConnection,
    login: str,
    now: datetime,
    to: Callable[[Held], StaffId | None] = lambda thing: None,
) -> list[Held]:
    """End a person's access; what they hold is nobody's from this moment, and a row for each thing hands it
    over: to whom `to` says, or back to everybody. Raises UnknownStaff."""
    member = await _member(tx, login)
    # First: whoever is acting as this person ends before, and is seen below, or finds them gone.
    await members.change_staff(tx, member.id, active=False, changed_at=now)
    await sign_ins.sign_out(tx, id_=member.id)
    await posts.leave(tx, member.id, now)
    things = await held_by(tx, member.id, now)
    await hand_over(tx, things, now, to)
    return things


async def run_out(tx: AsyncConnection, hotel: HotelId, id_: StaffId, at: datetime, now: datetime) -> bool:
    """Somebody's role in a hotel has run out then: what they held there goes back to everybody, as when they
    leave. False where that was done, or the role goes on after all."""
    once = f"{id_}@{int(at.timestamp())}"
    await members.change_staff(tx, id_, changed_at=now)  # whoever is acting as this person ends before
    if (await members.terms_of(tx, id_))[hotel][1] != at or await audits.recorded(tx, hotel, once):
        return False
    await let_go(tx, hotel, id_, now)
    await audits.record(tx, hotel, once, now, None, "role_ran_out", id_)
    return True


async def let_go(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> None:
    """What somebody holds who may own nothing in this hotel any more goes back to everybody."""
    await posts.look_again(tx, hotel, now)
    await hand_over(tx, await held_in(tx, hotel, id_, now), now)


async def hand_over(
    tx: AsyncConnection,
    things: Sequence[Held],
    now: datetime,
    to: Callable[[Held], StaffId | None] = lambda thing: None,
) -> None:
    """A row for each of these, in the transaction that makes them nobody's."""
    for thing in things:
        row = Wake("hand_over", now, thing.key(to(thing)))
        await outbox.put(tx, thing.hotel, thing.conversation, thing.seq, (row,), now)


async def _member(tx: AsyncConnection, login: str) -> Staff:
    member = await members.find_staff(tx, login)
    if member is None:
        raise UnknownStaff(login)
    return member


class Desk:
    """Signing in and out. Raises WrongLogin and Locked; both take as long as a success.

    With a seal, who has a second factor is asked for it: CodeNeeded and WrongCode."""

    def __init__(self, database: Database, clock: Clock, seal: Seal | None = None) -> None:
        self._database, self._clock, self._seal = database, clock, seal

    async def sign_in(
        self, login: str, password: str, computer: str = "", code: str = ""
    ) -> tuple[str, SignedIn]:
        """A new sign-in's token, shown once, and who it is. `computer`: what their browser is known by."""
        now, member = self._clock.now(), await self.vouch(login, password)
        if self.asks(member):
            await self.prove(member, code)
        token = secrets.token_urlsafe(32)
        async with self._database.write() as tx:
            place = token_hash(computer) if computer else None
            await sign_ins.sign_in(tx, token_hash(token), member.id, now, now + SIGNED_IN, place)
            return token, SignedIn(member, await members.roles_of(tx, member.id, now))

    async def vouch(self, login: str, password: str) -> Staff:
        """Whose login and password these are: a signature on somebody else's screen signs nobody in."""
        now = self._clock.now()
        async with self._database.read() as tx:
            member = await members.find_staff(tx, login)
        if member and member.locked_until and member.locked_until > now:
            raise Locked(member.locked_until)
        right = await asyncio.to_thread(lambda: verify(member.password if member else _nobody(), password))
        if member is None or not right or not member.active:
            raise await self._failed(member, now)
        if not self.asks(member):  # else a right password would open ever new tries at the code
            async with self._database.write() as tx:
                await members.change_staff(tx, member.id, failures=0, locked_until=None, pin_failures=0)
        return member

    def asks(self, member: Staff) -> bool:
        """Whether this person's password alone doesn't sign them in."""
        return self._seal is not None and member.second_factor is not None

    async def prove(self, member: Staff, code: str) -> None:
        """Take a code, once. Wrong ones count as wrong passwords do."""
        if not code.strip():
            raise CodeNeeded
        now = self._clock.now()
        async with self._database.write() as tx:
            until = await self._try_code(tx, member, code, now)
        if until is not None:
            raise Locked(until) if until > now else WrongCode

    async def _try_code(
        self, tx: AsyncConnection, member: Staff, code: str, now: datetime
    ) -> datetime | None:
        """None when it was right; else until when nothing more is taken, or now."""
        # Counted before it is looked at: the row is ours from here, and many at once come one by one.
        failures = await members.count_failure(tx, member.id)
        fresh = await _member(tx, member.login)
        if fresh.locked_until and fresh.locked_until > now:
            return fresh.locked_until
        assert self._seal
        if fresh.second_factor is None:
            return now  # taken away meanwhile
        factor = second_factor.opened(self._seal, member.id, fresh.second_factor)
        if proof := second_factor.proven(factor, code, fresh.second_step, now):
            kept = second_factor.closed(self._seal, member.id, proof.factor)
            values = {"second_factor": kept, "second_step": proof.step}
            await members.change_staff(tx, member.id, failures=0, locked_until=None, pin_failures=0, **values)
            if proof.recovered:
                await audit(
                    tx, member.id, now, "recovery_code", f"{len(proof.factor.recovery)} left", member.id
                )
            return None
        if failures < FAILURES:
            return now
        await members.change_staff(tx, member.id, failures=0, locked_until=now + LOCKED)
        return now + LOCKED

    async def _failed(self, member: Staff | None, now: datetime) -> Exception:
        if member is None:
            return WrongLogin()
        async with self._database.write() as tx:
            failures = await members.count_failure(tx, member.id)
            if failures < FAILURES:
                return WrongLogin()
            await members.change_staff(tx, member.id, failures=0, locked_until=now + LOCKED)
        return Locked(now + LOCKED)

    async def who(self, token: str) -> SignedIn | None:
        """The person behind a token; None when it has run out or they have left."""
        now = self._clock.now()
        async with self._database.read() as tx:
            found = await sign_ins.signed_in(tx, token_hash(token), now)
            if found is None:
                return None
            member, locked = found
            return SignedIn(member, await members.roles_of(tx, member.id, now), locked)

    async def sign_out(self, token: str) -> None:
        now = self._clock.now()
        async with self._database.write() as tx:
            if found := await sign_ins.signed_in(tx, token_hash(token), now):
                await posts.leave(tx, found[0].id, now)
            await sign_ins.sign_out(tx, token_hash=token_hash(token))

    async def change_password(self, member: Staff, old: str, new: str, token: str) -> None:
        """Raises WrongLogin. Ends every other sign-in of this person."""
        if not await asyncio.to_thread(verify, member.password, old):
            raise WrongLogin
        hashed = await asyncio.to_thread(_HASHER.hash, new)
        now = self._clock.now()
        async with self._database.write() as tx:
            await members.change_staff(tx, member.id, password=hashed, must_change=False, changed_at=now)
            await audit(tx, member.id, now, "password_changed", member.id, member.id)
            await end_others(tx, member.id, token, now, member.id)


@cache
def _nobody() -> str:
    """Verified for unknown logins, so that they take as long."""
    return _HASHER.hash("nobody")


def verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
