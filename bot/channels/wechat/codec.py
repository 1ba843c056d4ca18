"""Signatures and the AES envelope of the push protocol. Pure; raises nothing but PushRefused.

A ciphertext is AES-256-CBC with the key's first 16 bytes as IV over 16 random bytes, the message's length
(4 bytes, big-endian), the message and the appid, padded by PKCS#7 to blocks of 32 bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.channels.wechat.account import aes_key
from bot.channels.wechat.markup import decode
from bot.channels.wechat.refusal import BadRequest, BadSignature

_BLOCK = 32
_RANDOM = 16
_HEAD = _RANDOM + 4


def signature(*parts: str) -> str:
    """The platform's signature: SHA-1 over the sorted parts, in lower-case hex."""
    joined = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(joined).hexdigest()


def check_signature(given: str, *parts: str) -> None:
    """Compares in constant time."""
    expected = signature(*parts).encode("ascii")
    if not hmac.compare_digest(expected, given.encode("utf-8", "surrogatepass")):
        raise BadSignature("signature")


def encrypt(message: str, *, key: str, appid: str, random: bytes) -> str:
    """The message in the platform's envelope, as base64. `random` is 16 fresh random bytes."""
    if len(random) != _RANDOM:
        raise ValueError("the envelope begins with 16 random bytes")
    body = message.encode("utf-8")
    plain = random + len(body).to_bytes(4, "big") + body + appid.encode("utf-8")
    sealing = _cipher(key).encryptor()
    return base64.b64encode(sealing.update(_pad(plain)) + sealing.finalize()).decode("ascii")


def decrypt(ciphertext: str, *, keys: Iterable[str], appid: str) -> tuple[str, str]:
    """The message, and the key of `keys` that opened it. Refuses what was meant for another appid."""
    sealed = _sealed(ciphertext)
    refusal = BadRequest("no_aes_key")
    for number, key in enumerate(keys):
        try:
            return _opened(sealed, key, appid), key
        except BadRequest as refused:
            # The current key's refusal tells more than the previous key's.
            refusal = refused if number == 0 else refusal
    raise refusal


def _sealed(ciphertext: str) -> bytes:
    try:
        sealed = base64.b64decode(ciphertext.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("ciphertext_base64") from None
    if not sealed or len(sealed) % _BLOCK:
        raise BadRequest("ciphertext_length")
    return sealed


def _opened(sealed: bytes, key: str, appid: str) -> str:
    opening = _cipher(key).decryptor()
    plain = _unpad(opening.update(sealed) + opening.finalize())
    size = int.from_bytes(plain[_RANDOM:_HEAD], "big")
    if len(plain) < _HEAD or _HEAD + size > len(plain):
        raise BadRequest("envelope_length")
    if not hmac.compare_digest(plain[_HEAD + size :], appid.encode("utf-8")):
        raise BadRequest("appid")
    return decode(plain[_HEAD : _HEAD + size])


def _cipher(key: str) -> Cipher[modes.CBC]:
    raw = aes_key(key)
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))


def _pad(plain: bytes) -> bytes:
    missing = _BLOCK - len(plain) % _BLOCK
    return plain + bytes([missing]) * missing


def _unpad(padded: bytes) -> bytes:
    """Checks every byte of the padding. No oracle: the signature over the ciphertext was checked before."""
    count = padded[-1]
    if not 1 <= count <= _BLOCK or padded[-count:] != bytes([count]) * count:
        raise BadRequest("padding")
    return padded[:-count]
