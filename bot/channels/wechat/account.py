"""What we hold about one official account: its names and its secrets."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from bot.model import AccountId

OFFICIAL_API = "https://api.weixin.qq.com"
OFFICIAL_FILM_HOSTS = ("qq.com",)  # a film comes as an address at one of the platform's own hosts

_KEY_SHAPE = re.compile(r"[A-Za-z0-9+/]{43}")


class Mode(StrEnum):
    """How the platform pushes, as chosen on its settings page."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"  # plain text and ciphertext side by side, for changing over
    SAFE = "safe"


@dataclass(frozen=True)
class Account:
    """One official account. Secrets are kept out of its printed form.

    `aes_keys` are EncodingAESKeys as the platform shows them (43 characters), the current one first, then
    the previous one; empty in plain mode. `original_id` is the account's gh_… id: where it is known, a push
    to another account is refused.
    """

    id: AccountId
    appid: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_keys: tuple[str, ...] = field(default=(), repr=False)
    mode: Mode = Mode.SAFE
    original_id: str | None = None
    api: str = OFFICIAL_API
    film_hosts: tuple[str, ...] = OFFICIAL_FILM_HOSTS

    def keeps_films_at(self, host: str) -> bool:
        """Whether the platform keeps films there: at its api, or below one of the account's film hosts."""
        own = urlsplit(self.api).hostname
        return bool(host) and (host == own or any(f".{host}".endswith(f".{one}") for one in self.film_hosts))


def aes_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes behind an EncodingAESKey; ValueError where it cannot be one."""
    if not _KEY_SHAPE.fullmatch(encoding_aes_key):
        raise ValueError("an EncodingAESKey has 43 letters and digits")
    try:
        return base64.b64decode(encoding_aes_key + "=")
    except binascii.Error as broken:
        raise ValueError("an EncodingAESKey is base64") from broken


def mistakes(account: Account) -> list[str]:
    """What is wrong with an account before it is used, as codes; empty when it can serve."""
    found = [name for name in ("appid", "secret", "token") if not getattr(account, name)]
    if account.mode is not Mode.PLAIN and not account.aes_keys:
        found.append("aes_key_missing")
    if not all(_KEY_SHAPE.fullmatch(key) for key in account.aes_keys):
        found.append("aes_key_shape")
    return found
