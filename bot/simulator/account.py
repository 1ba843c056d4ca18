"""The account that the simulator plays. Its secrets are made on this machine, never shipped."""

import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot.channels.wechat.account import Account, Mode
from bot.model import AccountId

ORIGINAL_ID = "gh_xinghaihui"
APPID = "wx00000simulated00"
NAME = "星海会商务酒店"
FILE = "simulated-wechat.json"


@dataclass(frozen=True)
class SimulatedAccount:
    """What the platform and we both know of the account."""

    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mode: Mode = Mode.SAFE
    original_id: str = ORIGINAL_ID
    appid: str = APPID
    name: str = NAME

    @classmethod
    def made(cls, *, mode: Mode = Mode.SAFE) -> "SimulatedAccount":
        """An account with fresh secrets."""
        letters = string.ascii_letters + string.digits
        return cls(
            secret=secrets.token_hex(16),
            token=secrets.token_hex(12),
            aes_key="".join(secrets.choice(letters) for _ in range(42)) + "A",
            mode=mode,
        )

    def registered(self, account: AccountId, api: str) -> Account:
        """The same account as our service keeps it; `api` is the simulator's address."""
        keys = () if self.mode is Mode.PLAIN else (self.aes_key,)
        return Account(account, self.appid, self.secret, self.token, keys, self.mode, self.original_id, api)


def kept(folder: Path) -> SimulatedAccount:
    """This installation's account: made once, readable by this user alone."""
    stored = once(folder / FILE, asdict(SimulatedAccount.made()))
    return SimulatedAccount(**stored | {"mode": Mode(stored["mode"])})


def once(path: Path, made: dict[str, Any]) -> dict[str, Any]:
    """What the file says; it is written if it isn't there."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return stored
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(made, file, ensure_ascii=False, indent=1)
    return made
