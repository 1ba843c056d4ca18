"""Short-lived tokens by which a hotel's site or app says who its visitor is: JWT, HS256 or ES256.

Decides from a token, an account's keys and a time; keeps nothing. A token whose algorithm isn't the one its
key was registered for is refused, whatever its header says.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bot.model import AccountId

ALGORITHMS = ("HS256", "ES256")
LONGEST_LIFE = timedelta(minutes=15)
SKEW = timedelta(seconds=30)  # how far two clocks may be apart
MAX_TOKEN = 4_000  # characters
MAX_SUBJECT = 120
MAX_KEYS = 5
HS256_BYTES = 32  # RFC 7518, 3.2: a key is no shorter than its hash
_LATEST = 253_402_300_799  # the last second of the year 9999


class BadToken(Exception):
    """A token that says nothing we may believe. `code` is one of CODES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


CODES = (
    "token_malformed",  # not a JWT, or a claim that isn't what it should be
    "token_unknown_key",  # its kid is no key of this account, or the account has no key at all
    "token_algorithm",  # not the algorithm of that key
    "token_signature",
    "token_claims",  # sub, exp or aud is missing
    "token_audience",  # made for another account
    "token_expired",
    "token_early",  # from the future: the signer's clock is ahead
    "token_lasting",  # lives longer than LONGEST_LIFE
)


class BadKey(ValueError):
    """What is wrong with a key, in a sentence without it."""


@dataclass(frozen=True)
class Key:
    """A key of an account: a shared secret (HS256), or a public key on P-256 as PEM (ES256)."""

    kid: str
    alg: str
    key: str = field(repr=False)

    def to_json(self) -> dict[str, str]:
        return {"kid": self.kid, "alg": self.alg, "key": self.key}

    @classmethod
    def from_json(cls, kept: Mapping[str, str]) -> "Key":
        return cls(kept["kid"], kept["alg"], kept["key"])


@dataclass(frozen=True)
class Signed:
    """What a token proves. `room` holds until `room_until`, where the hotel says until when."""

    subject: str
    expires_at: datetime
    name: str | None = None
    room: str | None = None
    room_until: datetime | None = None


def check_key(key: Key) -> None:
    """Raises BadKey for one that can't be used, or shouldn't be here."""
    if not key.kid or len(key.kid) > 64 or not key.kid.isprintable():
        raise BadKey("a key's name has 1 to 64 printable characters")
    if key.alg not in ALGORITHMS:
        raise BadKey(f"the algorithm is one of {', '.join(ALGORITHMS)}")
    if key.alg == "HS256":
        if "-----BEGIN" in key.key:
            raise BadKey("a PEM key is for ES256; HS256 takes a shared secret")
        if len(key.key.encode()) < HS256_BYTES:
            raise BadKey(f"an HS256 secret has at least {HS256_BYTES} bytes")
        return
    if "PRIVATE KEY" in key.key:
        raise BadKey("this is a private key: it stays with whoever signs, only its public half belongs here")
    try:
        loaded = load_pem_public_key(key.key.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("an ES256 key is a public key as PEM") from None
    if not isinstance(loaded, ec.EllipticCurvePublicKey) or not isinstance(loaded.curve, ec.SECP256R1):
        raise BadKey("an ES256 key lies on the curve P-256 (prime256v1)")


def verify(token: object, keys: Sequence[Key], audience: AccountId, now: datetime) -> Signed:
    """What the token says, if one of these keys has signed it for this account. Raises BadToken."""
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN:
        raise BadToken("token_malformed")
    claims = _claims(token, keys)
    if not all(name in claims for name in ("sub", "exp", "aud")):
        raise BadToken("token_claims")
    _check_audience(claims["aud"], audience)
    expires_at = _check_times(claims, now)
    return Signed(
        _subject(claims["sub"]),
        expires_at,
        _short(claims, "name", 60),
        _short(claims, "room", 20),
        _moment(claims, "room_until"),
    )


def _claims(token: str, keys: Sequence[Key]) -> Mapping[str, Any]:
    """The payload, when a key that may have signed it has."""
    header = _header(token)
    fitting = [key for key in keys if "kid" not in header or key.kid == header["kid"]]
    if not fitting:
        raise BadToken("token_unknown_key")
    fitting = [key for key in fitting if key.alg == header.get("alg")]
    if not fitting:
        raise BadToken("token_algorithm")
    for key in fitting:
        try:
            signed = jwt.PyJWS().decode(token, key.key, algorithms=[key.alg])
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError:
            raise BadToken("token_malformed") from None
        return _object(signed)
    raise BadToken("token_signature")


def _header(token: str) -> Mapping[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken("token_malformed") from None
    if header.get("b64", True) is not True or "crit" in header:  # extensions that we don't know
        raise BadToken("token_malformed")
    return header


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadToken("token_malformed") from None
    if not isinstance(found, dict):
        raise BadToken("token_malformed")
    return found


def _check_audience(aud: object, audience: AccountId) -> None:
    if audience not in (aud if isinstance(aud, list) else [aud]):
        raise BadToken("token_audience")


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Until when it holds. Without `iat` its life is counted from now."""
    expires_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    if expires_at is None:
        raise BadToken("token_claims")
    if expires_at + SKEW <= now:
        raise BadToken("token_expired")
    begins = [m for m in (issued_at, _moment(claims, "nbf")) if m]
    if any(moment > now + SKEW for moment in begins):
        raise BadToken("token_early")
    if expires_at - now > LONGEST_LIFE + SKEW or (issued_at and expires_at - issued_at > LONGEST_LIFE):
        raise BadToken("token_lasting")
    return expires_at


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """A time as JWT has them: seconds since 1970."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise BadToken("token_malformed")
    return datetime.fromtimestamp(value, UTC)


def _subject(value: object) -> str:
    """The guest as the hotel's own systems name them; case and spaces are theirs."""
    if not isinstance(value, str) or not value or len(value) > MAX_SUBJECT or not value.isprintable():
        raise BadToken("token_malformed")
    return value


def _short(claims: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = claims.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise BadToken("token_malformed")
    return value.strip() or None


def named_audience(token: object) -> AccountId:
    """For whom a token says it is, unproven: it says which account's keys to verify it with.

    Raises BadToken.
    """
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN:
        raise BadToken("token_malformed")
    _header(token)
    try:
        payload = token.split(".")[1]
        claims = _object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        raise BadToken("token_malformed") from None
    aud = claims.get("aud")
    if aud is None:
        raise BadToken("token_claims")
    if not isinstance(aud, str):
        raise BadToken("token_audience")
    return AccountId(aud)
