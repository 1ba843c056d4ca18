"""Numbers that identify a person: found before anything is stored, masked in the text, kept sealed.

Found are ID cards of the mainland (by their check digit), passports and travel permits (by shape, with a
word that names them near), and bank cards (by Luhn). A sealed original opens with its key only; what it is
bound to (hotel, conversation) is authenticated with it.
"""

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.model import Json

NONCE_BYTES = 12


class CannotOpen(Exception):
    """The key isn't there any more, or the sealed text was changed or belongs elsewhere."""


@dataclass(frozen=True)
class Number:
    """An identifying number and where it stands in the text (characters)."""

    kind: str  # id_card, passport, bank_card
    start: int
    end: int
    value: str


_ID_CARD = re.compile(r"(?<![0-9A-Za-z])[1-9](?:[ \-]?\d){16}[ \-]?[\dXx](?![0-9A-Za-z])")
# One pattern for each length: a number beside the card, a space between them, must not hide it.
_BANK_CARDS = [
    re.compile(rf"(?<![0-9A-Za-z])[3-6](?:[ \-]?\d){{{length - 1}}}(?![0-9A-Za-z])")
    for length in (19, 18, 17, 16, 15)
]
_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z])(?:[EGeg][0-9A-Za-z]\d{7}|[DSPdsp][Ee]?\d{7,8}|[HMhm]\d{8,10}|[A-Z]{1,2}\d{7,8})(?![0-9A-Za-z])"
)
_PASSPORT_WORDS = re.compile(r"护照|通行证|回乡证|台胞证|passport|证件号", re.IGNORECASE)
# Full width letters, digits and marks are what their narrow ones are.
_WIDTHS = {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)} | {ord("　"): " "}


def find(text: str) -> list[Number]:
    """The identifying numbers of a text, in order; what overlaps an earlier kind is not taken twice."""
    plain = text.translate(_WIDTHS)  # one character stays one character
    found: list[Number] = []
    for kind, pattern, holds in _KINDS:
        for span in _spans(kind, pattern, plain):
            free = all(span.end <= n.start or span.start >= n.end for n in found)
            if free and holds(span.value, plain):
                found.append(span)
    return sorted(found, key=lambda n: n.start)


def _spans(kind: str, pattern: re.Pattern[str], plain: str) -> Iterator[Number]:
    """All that has the shape, overlapping too: what merely begins earlier may be none."""
    match = pattern.search(plain)
    while match:
        value = re.sub(r"[ \-]", "", match.group()).upper()
        yield Number(kind, match.start(), match.end(), value)
        match = pattern.search(plain, match.start() + 1)


def _is_id_card(value: str, _text: str) -> bool:
    """The check digit of GB 11643, and a date of birth that exists."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(d) * w for d, w in zip(value[:17], weights, strict=True))
    try:
        datetime.strptime(value[6:14], "%Y%m%d")
    except ValueError:
        return False
    return value[17] == "10X98765432"[total % 11]


def _is_bank_card(value: str, _text: str) -> bool:
    """Luhn's formula, and not one digit all along."""
    digits = [int(d) for d in reversed(value)]
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(digits)]
    return sum(doubled) % 10 == 0 and len(set(value)) > 1


def _is_passport(_value: str, text: str) -> bool:
    return bool(_PASSPORT_WORDS.search(text))


_KINDS: Sequence[tuple[str, re.Pattern[str], Callable[[str, str], bool]]] = (
    ("id_card", _ID_CARD, _is_id_card),
    *(("bank_card", pattern, _is_bank_card) for pattern in _BANK_CARDS),
    ("passport", _PASSPORT, _is_passport),
)


def mask(text: str, numbers: Sequence[Number]) -> str:
    """The text with each number's middle replaced; its ends stay, so that people can tell which it is."""

    def pieces() -> Iterator[str]:
        at = 0
        for n in numbers:
            shown = n.value[:2] + "*" * (len(n.value) - 4) + n.value[-2:]
            yield text[at : n.start] + shown
            at = n.end
        yield text[at:]

    return "".join(pieces())


class Seal:
    """Seals with the first key and opens with any. Keys are 32 bytes, by id."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._raw = tuple(keys.values())
        self._current = next(iter(keys))

    def derived(self, purpose: str) -> list[bytes]:
        """A key for another purpose from each of ours: the first signs, any verifies."""
        return [hmac.new(key, purpose.encode(), hashlib.sha256).digest() for key in self._raw]

    def close(self, value: str, bound_to: str) -> dict[str, str]:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._current].encrypt(nonce, value.encode(), bound_to.encode())
        return {"key": self._current, "sealed": base64.b64encode(nonce + sealed).decode()}

    def open(self, sealed: Json, bound_to: str) -> str:
        """Raises CannotOpen."""
        raw = base64.b64decode(sealed["sealed"])
        cipher = self._keys.get(sealed["key"])
        if cipher is None:
            raise CannotOpen(f"no sealing key {sealed['key']!r}")
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
        except InvalidTag:
            raise CannotOpen("it was changed, or belongs elsewhere") from None

    def protect(self, text: str, bound_to: str) -> tuple[str, tuple[Json, ...]]:
        """A text with its numbers masked, and those numbers sealed."""
        numbers = find(text)
        sealed = tuple({"kind": n.kind, **self.close(n.value, bound_to)} for n in numbers)
        return mask(text, numbers), sealed

    def close_secrets(self, secrets: Mapping[str, Any], bound_to: str) -> str:
        return json.dumps(self.close(json.dumps(secrets), bound_to))

    def open_secrets(self, sealed: str, bound_to: str) -> dict[str, Any]:
        opened: dict[str, Any] = json.loads(self.open(json.loads(sealed), bound_to))
        return opened
