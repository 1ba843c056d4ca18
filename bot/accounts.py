"""Accounts of channels and robots: public settings in the open, secrets sealed as one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import wechat, wecom
from bot.guest_tokens import MAX_KEYS, BadKey, Key, check_key
from bot.model import AccountId, HotelId
from bot.push_webhooks import AWAY
from bot.robots import ROBOTS
from bot.sealing import Seal
from bot.store import desk
from bot.store.database import Database
from bot.store.desk import AccountRow

A = TypeVar("A")

# What each kind of account needs: public names, then secret ones.
FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "wechat": (
        frozenset({"appid", "mode", "original_id", "api", "custom_send", "sign_in", "hotels"}),
        frozenset({"secret", "token", "aes_keys"}),
    ),
    "wecom": (
        frozenset({"corpid", "open_kfid", "api", "hotels"}),
        frozenset({"secret", "token", "aes_keys"}),
    ),
    "web": (frozenset(), frozenset({"keys"})),
    "app": (frozenset({"origins", "push_after", "sample"}), frozenset({"keys", "push_url", "push_secret"})),
    **{robot: (frozenset(), frozenset({"url", "secret"})) for robot in ROBOTS},
}


# Kinds of accounts whose guests a hotel's own systems vouch for, by tokens signed with these keys.
VOUCHED = frozenset(kind for kind, (_, secret) in FIELDS.items() if "keys" in secret)


PUSH_SECRET = 16  # characters
MODES = tuple(mode.value for mode in wechat.Mode)
WRONG = {
    "aes_key_missing": "aes_keys is missing: the platform's EncodingAESKey, 43 letters and digits",
    "aes_key_shape": "aes_keys: each must be an EncodingAESKey of 43 letters and digits",
}


class BadAccount(ValueError):
    """What is wrong with an account's settings, a line each."""


def bound_to(channel: str, account: AccountId) -> str:
    return f"{channel}/{account}"


async def save(
    tx: AsyncConnection,
    seal: Seal,
    channel: str,
    account: AccountId,
    hotel: HotelId,
    values: Mapping[str, Any],
    now: datetime,
) -> None:
    """Keep an account; the keys it has stay unless others are given.

    Raises BadAccount for what it lacks or doesn't know.
    """
    if channel not in FIELDS:
        raise BadAccount(f"no such kind of account: {channel} (known: {', '.join(sorted(FIELDS))})")
    public, secret = FIELDS[channel]
    if unknown := sorted(set(values) - public - secret):
        raise BadAccount(f"{channel} accounts have no {', '.join(unknown)}")
    if channel in VOUCHED and "keys" not in values and (known := await desk.account_of(tx, channel, account)):
        values = {**values, "keys": [key.to_json() for key in open_keys(known, seal)]}
    if values.get("push_url"):
        values = {"push_after": AWAY, **values}
        if len(values.get("push_secret", "")) < PUSH_SECRET:
            raise BadAccount(f"push_secret must have at least {PUSH_SECRET} characters")
    config = {k: v for k, v in values.items() if k in public}
    sealed = seal.close_secrets({k: v for k, v in values.items() if k in secret}, bound_to(channel, account))
    if channel == "wechat" and (mode := values.get("mode", MODES[0])) not in MODES:
        raise BadAccount(f"mode is {mode!r} and must be one of {', '.join(MODES)}")
    if channel == "wechat" and (wrong := wechat.mistakes(_wechat(account, values))):
        raise BadAccount(_sentence(wrong))
    if channel == "wecom" and (wrong := wecom.mistakes(_wecom(account, values))):
        raise BadAccount(_sentence(wrong))
    for name in ("url",) if channel in ROBOTS else ("push_url",) if values.get("push_url") else ():
        if not _is_web_address(values.get(name)):
            told = "must be an address such as https://host/path" if values.get(name) else "is missing"
            raise BadAccount(f"{name} {told}")
    if "keys" in values:
        _check_keys([Key.from_json(k) for k in values["keys"]])
    await desk.save_account(tx, AccountRow(channel, account, hotel, config, sealed, True), now)


def _sentence(wrong: Sequence[str]) -> str:
    return "; ".join(WRONG.get(code, f"{code} is missing") for code in wrong)


def _is_web_address(value: object) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _check_keys(keys: Sequence[Key]) -> None:
    try:
        for key in keys:
            check_key(key)
    except BadKey as bad:
        raise BadAccount(str(bad)) from None
    if len({key.kid for key in keys}) < len(keys):
        raise BadAccount("each key has a name of its own")
    if len(keys) > MAX_KEYS:
        raise BadAccount(f"an account has at most {MAX_KEYS} keys; remove one first")


def open_keys(row: AccountRow, seal: Seal) -> tuple[Key, ...]:
    """The keys that sign tokens for this account's guests."""
    kept = seal.open_secrets(row.sealed, bound_to(row.channel, row.account)).get("keys", ())
    return tuple(Key.from_json(key) for key in kept)


async def change_keys(
    tx: AsyncConnection, seal: Seal, row: AccountRow, keys: Sequence[Key], now: datetime
) -> None:
    """Replace an account's keys, and nothing else of it. Raises BadAccount."""
    _check_keys(keys)
    bound = bound_to(row.channel, row.account)
    secrets = seal.open_secrets(row.sealed, bound) | {"keys": [key.to_json() for key in keys]}
    await desk.save_account(tx, replace(row, sealed=seal.close_secrets(secrets, bound)), now)


class GuestKeys:
    """The keys of accounts whose guests come with a token, each row opened once for each change."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._opened: dict[tuple[str, AccountId], tuple[AccountRow, tuple[Key, ...]]] = {}

    def of(self, row: AccountRow) -> tuple[Key, ...]:
        at = row.channel, row.account
        known = self._opened.get(at)
        if known is None or known[0] != row:
            known = self._opened[at] = (row, open_keys(row, self._seal))
        return known[1]


def open_wechat(row: AccountRow, seal: Seal) -> wechat.Account:
    secrets = seal.open_secrets(row.sealed, bound_to(row.channel, row.account))
    return _wechat(row.account, {**row.config, **secrets})


def _wechat(account: AccountId, values: Mapping[str, Any]) -> wechat.Account:
    return wechat.Account(
        id=account,
        appid=values.get("appid", ""),
        secret=values.get("secret", ""),
        token=values.get("token", ""),
        aes_keys=tuple(values.get("aes_keys", ())),
        mode=wechat.Mode(values.get("mode", wechat.Mode.SAFE)),
        original_id=values.get("original_id"),
        api=values.get("api", wechat.OFFICIAL_API),
    )


def _wecom(account: AccountId, values: Mapping[str, Any]) -> wecom.Account:
    return wecom.Account(
        id=account,
        corpid=values.get("corpid", ""),
        open_kfid=values.get("open_kfid", ""),
        secret=values.get("secret", ""),
        token=values.get("token", ""),
        aes_keys=tuple(values.get("aes_keys", ())),
        api=values.get("api", wecom.OFFICIAL_API),
    )


def open_wecom(row: AccountRow, seal: Seal) -> wecom.Account:
    secrets = seal.open_secrets(row.sealed, bound_to(row.channel, row.account))
    return _wecom(row.account, {**row.config, **secrets})


class Accounts(Generic[A]):
    """Finds one channel's accounts for its sender and its edge, opening each row's secrets once."""

    def __init__(
        self, database: Database, seal: Seal, channel: str, open_: Callable[[AccountRow, Seal], A]
    ) -> None:
        self._database, self._seal = database, seal
        self._channel, self._open = channel, open_
        self._opened: dict[AccountId, tuple[AccountRow, A]] = {}

    async def find(self, id_: AccountId) -> A | None:
        row = await self.row(id_)
        return self.open(row) if row else None

    async def row(self, id_: AccountId) -> AccountRow | None:
        async with self._database.read() as tx:
            return await desk.account_of(tx, self._channel, id_)

    async def rows(self) -> list[AccountRow]:
        """Those that are in use."""
        async with self._database.read() as tx:
            return [r for r in await desk.list_accounts(tx) if r.channel == self._channel and r.active]

    def open(self, row: AccountRow) -> A:
        known = self._opened.get(row.account)
        if known is None or known[0] != row:
            known = self._opened[row.account] = (row, self._open(row, self._seal))
        return known[1]
