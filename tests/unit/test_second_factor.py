"""The six digits of a second factor: RFC 6238's own, once each, one step early or late."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import second_factor
from bot.model import HotelId, StaffId
from bot.roles import Role
from bot.sealing import CannotOpen, Seal
from bot.second_factor import Factor, code_at, proven, step_at

KEY = b"12345678901234567890"
NOW = datetime(2026, 5, 1, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert code_at(KEY, step_at(now)) == code
    assert proven(Factor(KEY), f" {code[:3]} {code[3:]}", None, now)


def test_a_code_is_taken_once_and_one_step_early_or_late() -> None:
    here = step_at(NOW)
    taken = {
        ahead: bool(proven(Factor(KEY), code_at(KEY, here + ahead), None, NOW)) for ahead in range(-2, 3)
    }
    assert taken == {-2: False, -1: True, 0: True, 1: True, 2: False}
    used = proven(Factor(KEY), code_at(KEY, here), None, NOW)
    assert used
    assert used.step == here
    assert not proven(Factor(KEY), code_at(KEY, here), used.step, NOW)
    assert not proven(Factor(KEY), code_at(KEY, here - 1), used.step, NOW), "an older one neither"
    assert proven(Factor(KEY), code_at(KEY, here + 1), used.step, NOW)
    for nonsense in ("", "28708", "２８７０８２", "x" * 64):
        assert not proven(Factor(KEY), nonsense, None, NOW)


def test_a_recovery_code_is_taken_once_however_it_is_typed() -> None:
    factor, codes = second_factor.with_recovery_codes(KEY)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    used = proven(factor, codes[3].lower().replace("-", " "), 7, NOW)
    assert used
    assert used.recovered
    assert used.step == 7
    assert not proven(used.factor, codes[3], 7, NOW)
    assert proven(used.factor, codes[0], 7, NOW)


def test_what_is_kept_and_what_is_offered_belong_to_one_person() -> None:
    seal, one, other = Seal({"k": b"0" * 32}), StaffId("one"), StaffId("other")
    factor, codes = second_factor.with_recovery_codes(KEY)
    sealed = second_factor.closed(seal, one, factor)
    assert second_factor.opened(seal, one, sealed) == factor
    assert not any(secret in sealed for secret in (*codes, KEY.hex()))
    with pytest.raises(CannotOpen):
        second_factor.opened(seal, other, sealed)
    text = second_factor.offer(seal, one, KEY, NOW)
    assert second_factor.offered(seal, one, text, NOW) == KEY
    assert second_factor.offered(seal, other, text, NOW) is None
    assert second_factor.offered(seal, one, text, NOW + timedelta(minutes=15)) is None
    assert second_factor.offered(seal, one, "[]", NOW) is None


def test_how_an_app_gets_the_key_and_whom_it_is_for() -> None:
    assert second_factor.written(KEY) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    address = urlsplit(second_factor.link(KEY, "li li"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    asked = {"secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], "issuer": ["店小二"]}
    assert parse_qs(address.query) == asked
    those = {role for role in Role if second_factor.is_for({HotelId("h"): role})}
    assert those == {Role.DUTY_MANAGER, Role.ADMINISTRATOR}
