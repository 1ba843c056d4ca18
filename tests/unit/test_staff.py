"""Staff accounts: one-time passwords, lockout, sign-ins that end, and people who have left."""

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from bot import staff
from bot.knowledge import save
from bot.model import HotelId
from bot.roles import end_of
from bot.staff import Desk, Locked, UnknownStaff, WrongLogin
from bot.store import members
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.core import OTHER, SAMPLE, documents

ONE, TWO = HotelId("xinghaihui"), HotelId("yunting")
PASSWORD = "one-time-password"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 is slow on purpose; its own parameters are checked below."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_HASHER", quick)


@pytest.fixture
async def database(migrated_sqlite: Path, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Database]:
    path = tmp_path / "staff.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    opened = Database(f"sqlite:///{path}")
    async with opened.write() as tx:
        for folder in (SAMPLE, OTHER):
            await save(tx, documents(folder), clock.now())
        roles = {ONE: "administrator", TWO: "agent"}
        await staff.add(tx, "lin", "林小雨", roles, PASSWORD, clock.now())
        await staff.add(tx, "bo", "薄荷", {TWO: "agent"}, PASSWORD, clock.now())
    yield opened
    await opened.close()


@pytest.fixture
def desk(database: Database, clock: FixedClock) -> Desk:
    return Desk(database, clock)


async def failures(desk: Desk, count: int, login: str = "lin") -> list[type[Exception]]:
    seen: list[type[Exception]] = []
    for _ in range(count):
        with pytest.raises((WrongLogin, Locked)) as refused:
            await desk.sign_in(login, "wrong")
        seen.append(refused.type)
    return seen


async def test_the_right_password_signs_in_with_ones_roles(desk: Desk) -> None:
    token, signed_in = await desk.sign_in("lin", PASSWORD)
    assert signed_in.roles == {ONE: "administrator", TWO: "agent"}
    assert signed_in.staff.must_change
    found = await desk.who(token)
    assert found
    assert found.staff.login == "lin"


async def test_neither_password_nor_token_stands_in_the_database(desk: Desk, database: Database) -> None:
    token, _ = await desk.sign_in("lin", PASSWORD)
    async with database.read() as tx:
        kept = str((await tx.execute(text("SELECT * FROM staff"))).all())
        kept += str((await tx.execute(text("SELECT * FROM sign_ins"))).all())
    assert PASSWORD not in kept
    assert token not in kept
    assert "$argon2id$" in kept


def test_hashing_is_as_slow_as_is_advised_today() -> None:
    """OWASP: argon2id with at least 19 MiB and two passes, or more memory with fewer."""
    default = PasswordHasher()
    assert default.type.name == "ID"
    assert default.memory_cost * default.time_cost >= 19 * 1024 * 2


@pytest.mark.parametrize("login", ["nobody", "", "LIN", "lin ", "lin' OR '1'='1", "\ufffd"])
async def test_an_unknown_login_is_told_no_more_than_a_wrong_password(desk: Desk, login: str) -> None:
    with pytest.raises(WrongLogin):
        await desk.sign_in(login, PASSWORD)


async def test_five_failures_lock_even_the_right_password_for_a_while(desk: Desk, clock: FixedClock) -> None:
    assert await failures(desk, 5) == [WrongLogin] * 4 + [Locked]
    with pytest.raises(Locked) as locked:
        await desk.sign_in("lin", PASSWORD)
    assert locked.value.retry_at == clock.now() + staff.LOCKED
    clock.forward(minutes=15, seconds=1)
    assert await desk.sign_in("lin", PASSWORD)


async def test_a_lock_begins_anew_after_it_has_run_out(desk: Desk, clock: FixedClock) -> None:
    await failures(desk, 5)
    clock.forward(minutes=16)
    assert await failures(desk, 5) == [WrongLogin] * 4 + [Locked]


async def test_a_success_forgets_earlier_failures(desk: Desk) -> None:
    await failures(desk, 4)
    await desk.sign_in("lin", PASSWORD)
    assert await failures(desk, 4) == [WrongLogin] * 4


async def test_one_persons_failures_lock_nobody_else(desk: Desk) -> None:
    await failures(desk, 5)
    assert await desk.sign_in("bo", PASSWORD)


async def test_a_sign_in_runs_out(desk: Desk, clock: FixedClock) -> None:
    token, _ = await desk.sign_in("lin", PASSWORD)
    clock.forward(hours=11, minutes=59)
    assert await desk.who(token)
    clock.forward(minutes=2)
    assert await desk.who(token) is None


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --"])
async def test_no_other_token_is_anybody(desk: Desk, token: str) -> None:
    await desk.sign_in("lin", PASSWORD)
    assert await desk.who(token) is None


async def test_signing_out_ends_this_sign_in_alone(desk: Desk) -> None:
    first, _ = await desk.sign_in("lin", PASSWORD)
    second, _ = await desk.sign_in("lin", PASSWORD)
    await desk.sign_out(first)
    assert await desk.who(first) is None
    assert await desk.who(second)


async def test_a_password_of_ones_own_ends_every_other_sign_in(desk: Desk) -> None:
    other, _ = await desk.sign_in("lin", PASSWORD)
    token, signed_in = await desk.sign_in("lin", PASSWORD)
    with pytest.raises(WrongLogin):
        await desk.change_password(signed_in.staff, "wrong", "my own password", token)
    await desk.change_password(signed_in.staff, PASSWORD, "my own password", token)
    assert await desk.who(other) is None
    found = await desk.who(token)
    assert found
    assert not found.staff.must_change
    with pytest.raises(WrongLogin):
        await desk.sign_in("lin", PASSWORD)
    assert await desk.sign_in("lin", "my own password")


async def test_a_reset_ends_all_sign_ins_and_lifts_the_lock(
    desk: Desk, database: Database, clock: FixedClock
) -> None:
    token, _ = await desk.sign_in("lin", PASSWORD)
    await failures(desk, 5)
    async with database.write() as tx:
        await staff.reset(tx, "lin", "another-password", clock.now())
    assert await desk.who(token) is None
    _, signed_in = await desk.sign_in("lin", "another-password")
    assert signed_in.staff.must_change


async def test_who_has_left_is_out_at_once_and_stays_out(
    desk: Desk, database: Database, clock: FixedClock
) -> None:
    token, signed_in = await desk.sign_in("lin", PASSWORD)
    async with database.write() as tx:
        assert await staff.deactivate(tx, "lin", clock.now()) == []
    assert await desk.who(token) is None
    with pytest.raises(WrongLogin):
        await desk.sign_in("lin", PASSWORD)
    async with database.read() as tx:
        assert not await members.is_active(tx, ONE, signed_in.staff.id, clock.now())
    async with database.write() as tx:  # should they ever come back, it isn't by the browser they left open
        await members.change_staff(tx, signed_in.staff.id, active=True)
    assert await desk.who(token) is None


async def test_a_sign_in_that_was_kept_does_not_outlive_its_owner(
    desk: Desk, database: Database, clock: FixedClock
) -> None:
    """Whatever way somebody becomes inactive: the sign-in is asked whose it is, each time."""
    token, signed_in = await desk.sign_in("lin", PASSWORD)
    async with database.write() as tx:
        await members.change_staff(tx, signed_in.staff.id, active=False)
    assert await desk.who(token) is None


async def test_nobody_owns_anything_where_they_do_not_work(
    desk: Desk, database: Database, clock: FixedClock
) -> None:
    """In another hotel, in a role that only reads, or once the role's last day is over."""
    _, signed_in = await desk.sign_in("bo", PASSWORD)
    bo, shanghai = signed_in.staff.id, ZoneInfo("Asia/Shanghai")

    async def owns(hotel: HotelId) -> bool:
        async with database.read() as tx:
            return await members.is_active(tx, hotel, bo, clock.now())

    assert await owns(TWO)
    assert not await owns(ONE)
    async with database.write() as tx:
        await staff.grant(tx, "bo", ONE, "auditor")
        today = clock.now().astimezone(shanghai).date()
        await staff.grant(tx, "bo", TWO, "agent", end_of(today, shanghai))
    assert await owns(TWO)
    assert not await owns(ONE)
    clock.forward(days=1)
    assert not await owns(TWO)
    async with database.read() as tx:
        assert await members.roles_of(tx, bo, clock.now()) == {ONE: "auditor"}
        assert not await members.is_active(tx, TWO, None, clock.now())


async def test_commands_for_somebody_unknown_say_so(database: Database, clock: FixedClock) -> None:
    async with database.write() as tx:
        with pytest.raises(UnknownStaff):
            await staff.reset(tx, "nobody", "x", clock.now())
        with pytest.raises(UnknownStaff):
            await staff.deactivate(tx, "nobody", clock.now())


def test_one_time_passwords_are_long_and_never_the_same() -> None:
    made = {staff.one_time_password() for _ in range(1000)}
    assert len(made) == 1000
    assert min(map(len, made)) >= 16
