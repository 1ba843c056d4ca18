"""Tokens of a hotel's site or app: what is believed, and what each other one is refused for."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.guest_tokens import CODES, BadKey, BadToken, Key, check_key, verify
from bot.model import AccountId

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
ACCOUNT = AccountId("a1b2c3")
SECRET, NEWER = "s" * 32, "n" * 32


def pems(curve: ec.EllipticCurve | None = None) -> tuple[str, str]:
    """A private key and its public half, as PEM."""
    made = ec.generate_private_key(curve or ec.SECP256R1())
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), _public(made.public_key())


def _public(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


PRIVATE, PUBLIC = pems()
KEYS = (Key("old", "HS256", SECRET), Key("new", "HS256", NEWER), Key("curve", "ES256", PUBLIC))


def token(
    key: str = SECRET, alg: str = "HS256", kid: str | None = None, without: str = "", **claims: Any
) -> str:
    whole = {"sub": "member-7", "aud": ACCOUNT, "iat": AT, "exp": AT + 600} | claims
    kept = {name: value for name, value in whole.items() if name != without}
    return jwt.encode(kept, key, alg, headers={"kid": kid} if kid else None)


def unsigned(header: Mapping[str, Any], claims: object) -> str:
    """A token with any header and payload, and a signature of nobody's."""
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims)]
    return b".".join([*parts, b"c2lnbmVk"]).decode()


def refused(given: object, keys: tuple[Key, ...] = KEYS, at: datetime = NOW) -> str:
    with pytest.raises(BadToken) as found:
        verify(given, keys, ACCOUNT, at)
    assert found.value.code in CODES
    return found.value.code


@pytest.mark.parametrize(
    "given",
    [
        token(),
        token(kid="old"),
        token(NEWER),
        token(NEWER, kid="new"),
        token(PRIVATE, "ES256"),
        token(PRIVATE, "ES256", "curve"),
        token(aud=["elsewhere", ACCOUNT]),
        token(without="iat"),
    ],
    ids=["first", "first by name", "second", "second by name", "curve", "curve by name", "list", "no iat"],
)
def test_any_of_the_accounts_keys_may_have_signed(given: str) -> None:
    assert verify(given, KEYS, ACCOUNT, NOW).subject == "member-7"


def test_a_token_tells_a_name_and_a_room_until_check_out() -> None:
    until = NOW + timedelta(days=2)
    signed = verify(token(name="王女士", room="1208", room_until=int(until.timestamp())), KEYS, ACCOUNT, NOW)
    assert (signed.name, signed.room, signed.room_until) == ("王女士", "1208", until)
    assert signed.expires_at == NOW + timedelta(minutes=10)
    bare = verify(token(name="", room=None), KEYS, ACCOUNT, NOW)
    assert (bare.name, bare.room, bare.room_until) == (None, None, None)


def test_another_signature_is_refused_and_so_is_a_key_that_was_removed() -> None:
    assert refused(token("x" * 32)) == "token_signature"
    assert refused(token(NEWER, kid="old")) == "token_signature"
    assert refused(token(pems()[0], "ES256")) == "token_signature"
    assert refused(token(), KEYS[1:]) == "token_signature"
    assert refused(token(kid="old"), KEYS[1:]) == "token_unknown_key"
    assert refused(token(), ()) == "token_unknown_key"


def test_the_algorithm_is_the_keys_whatever_the_header_says() -> None:
    assert refused(unsigned({"alg": "none"}, {"sub": "x"})) == "token_algorithm"
    assert refused(jwt.encode({"sub": "x"}, "", "none")) == "token_algorithm"
    assert refused(token("s" * 64, "HS512")) == "token_algorithm"
    # The public key is known to everybody: as an HS256 secret it must open nothing.
    forged = unsigned({"alg": "HS256", "kid": "curve"}, {"sub": "x"})
    assert refused(forged) == "token_algorithm"
    assert refused(token(PRIVATE, "ES256", "old")) == "token_algorithm"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": AT - 30}, "token_expired"),
        ({"exp": AT + 901}, "token_lasting"),
        ({"iat": AT - 500, "exp": AT + 500}, "token_lasting"),
        ({"iat": None, "exp": AT + 931}, "token_lasting"),
        ({"iat": AT + 31}, "token_early"),
        ({"nbf": AT + 31}, "token_early"),
        ({"aud": "elsewhere"}, "token_audience"),
        ({"aud": ["elsewhere"]}, "token_audience"),
        ({"aud": 7}, "token_audience"),
        ({"exp": None}, "token_claims"),
        ({"exp": "soon"}, "token_malformed"),
        ({"exp": True}, "token_malformed"),
        ({"exp": 1e300}, "token_malformed"),
        ({"exp": -1}, "token_malformed"),
        ({"sub": ""}, "token_malformed"),
        ({"sub": "x" * 121}, "token_malformed"),
        ({"sub": "a\nb"}, "token_malformed"),
        ({"name": "x" * 61}, "token_malformed"),
        ({"room": ["1208"]}, "token_malformed"),
        ({"room_until": "tomorrow"}, "token_malformed"),
    ],
)
def test_each_wrong_claim_has_its_code(claims: dict[str, Any], code: str) -> None:
    assert refused(token(**claims)) == code


def test_clocks_may_be_half_a_minute_apart() -> None:
    for claims in ({"exp": AT - 29}, {"iat": AT + 30, "exp": AT + 930}, {"iat": None, "exp": AT + 930}):
        assert verify(token(**claims), KEYS, ACCOUNT, NOW).subject == "member-7"


@pytest.mark.parametrize("name", ["sub", "exp", "aud"])
def test_nothing_required_may_be_missing(name: str) -> None:
    assert refused(token(without=name)) == "token_claims"


def test_what_is_no_token_is_malformed_and_nothing_worse() -> None:
    huge = unsigned({"alg": "HS256"}, {"sub": "x" * 5000})
    nested = "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(b"[" * 2000).decode().rstrip("=") + ".x"
    for given in (None, 7, "", "a.b.c", "a" * 50, "令牌", "..", huge, {"sub": "x"}):
        assert refused(given) == "token_malformed", given
    assert refused(nested) in ("token_malformed", "token_signature")
    assert refused(jwt.PyJWS().encode(b"[1]", SECRET, "HS256")) == "token_malformed"
    assert refused(jwt.PyJWS().encode(b"\xff", SECRET, "HS256")) == "token_malformed"
    assert refused(jwt.PyJWS().encode(b"{}", SECRET, "HS256", {"crit": ["exp"]})) == "token_malformed"
    with_kid = unsigned({"alg": "HS256", "kid": 7}, {})
    assert refused(with_kid) in ("token_malformed", "token_unknown_key")


def test_keys_that_must_not_be_kept_are_refused() -> None:
    rsa_key = _public(rsa.generate_private_key(65537, 2048).public_key())
    for key, why in (
        (Key("", "HS256", SECRET), "name"),
        (Key("k", "RS256", rsa_key), "algorithm"),
        (Key("k", "HS256", "short"), "32 bytes"),
        (Key("k", "HS256", PUBLIC), "PEM"),
        (Key("k", "ES256", PRIVATE), "private"),
        (Key("k", "ES256", "nonsense"), "PEM"),
        (Key("k", "ES256", rsa_key), "P-256"),
        (Key("k", "ES256", pems(ec.SECP384R1())[1]), "P-256"),
    ):
        with pytest.raises(BadKey, match=why) as found:
            check_key(key)
        assert key.key not in str(found.value) or not key.key
        assert not key.key or key.key not in repr(key)
    for good in KEYS:
        check_key(good)
        assert Key.from_json(good.to_json()) == good
