"""A second factor at sign-in: six digits that a phone counts (RFC 6238, SHA-1, 30 s), or a recovery code.

Rules only: `now` is given, nothing is stored here. What is kept of a person is sealed, bound to them.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from bot.model import HotelId, StaffId
from bot.roles import Role
from bot.sealing import CannotOpen, Seal

DIGITS, STEP, SKEW = 6, 30, 1  # a code of one step before or after is taken too: clocks differ
KEY_BYTES = 20
RECOVERY_CODES = 8
OFFER_LIFE = timedelta(minutes=15)
ISSUER = "店小二"
FOR: Collection[str] = (Role.DUTY_MANAGER, Role.ADMINISTRATOR)

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that looks like another


@dataclass(frozen=True)
class Factor:
    """What proves a person: the key they share with their phone, and hashes of unused recovery codes."""

    key: bytes
    recovery: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """A code that was right: what is kept from now on, so that it is never right again."""

    factor: Factor
    step: int | None  # the last that was used
    recovered: bool = False


def is_for(roles: Mapping[HotelId, str]) -> bool:
    """Whether somebody with these roles is to have one."""
    return any(role in FOR for role in roles.values())


# ---- codes


def code_at(key: bytes, step: int) -> str:
    """The six digits of a time step (RFC 4226, 5.3)."""
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}}"


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def proven(factor: Factor, code: str, last: int | None, now: datetime) -> Proof | None:
    """What a right code leaves behind; `last` is the last step used, and no step up to it counts again."""
    given = "".join(code.split()).replace("-", "").upper().encode()
    around = step_at(now)
    for step in range(max(around - SKEW, -1 if last is None else last + 1), around + SKEW + 1):
        if hmac.compare_digest(code_at(factor.key, step).encode(), given):
            return Proof(factor, step)
    if (hashed := _hash(factor.key, given)) not in factor.recovery:
        return None
    left = tuple(one for one in factor.recovery if one != hashed)
    return Proof(replace(factor, recovery=left), last, recovered=True)


def with_recovery_codes(key: bytes) -> tuple[Factor, list[str]]:
    """A factor, and its recovery codes as they are shown once."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    return Factor(key, tuple(_hash(key, code.encode()) for code in codes)), [
        f"{c[:5]}-{c[5:]}" for c in codes
    ]


def _hash(key: bytes, code: bytes) -> str:
    return hmac.new(key, b"recovery\n" + code, hashlib.sha256).hexdigest()


# ---- setting it up


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def written(key: bytes) -> str:
    """The key as people type it: base32 in groups of four."""
    text = base64.b32encode(key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def link(key: bytes, login: str) -> str:
    """The address that opens an authenticator app on this phone."""
    issuer, secret = quote(ISSUER), written(key).replace(" ", "")
    return f"otpauth://totp/{issuer}:{quote(login)}?secret={secret}&issuer={issuer}"


def offer(seal: Seal, whose: StaffId, key: bytes, now: datetime) -> str:
    """The key as the page carries it until the first code confirms it: nothing is stored before."""
    until = (now + OFFER_LIFE).isoformat()
    return seal.close_secrets({"key": key.hex(), "until": until}, f"second factor offer\n{whose}")


def offered(seal: Seal, whose: StaffId, text: str, now: datetime) -> bytes | None:
    """The key of an offer that was made to this person, and not long ago."""
    try:
        opened = seal.open_secrets(text, f"second factor offer\n{whose}")
    except (CannotOpen, ValueError, KeyError, TypeError):
        return None
    return bytes.fromhex(opened["key"]) if datetime.fromisoformat(opened["until"]) > now else None


# ---- keeping it


def closed(seal: Seal, whose: StaffId, factor: Factor) -> str:
    values = {"key": factor.key.hex(), "recovery": list(factor.recovery)}
    return seal.close_secrets(values, f"second factor\n{whose}")


def opened(seal: Seal, whose: StaffId, sealed: str) -> Factor:
    """Raises CannotOpen."""
    values = seal.open_secrets(sealed, f"second factor\n{whose}")
    return Factor(bytes.fromhex(values["key"]), tuple(values["recovery"]))
