"""What the simulator remembers: followers and their screens, the wire, the switches. No I/O.

Whoever watches is told of every change as a JSON object; that is what the phone page lives on.
"""

import itertools
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from bot.channels.wechat.window import Ledger, Window
from bot.simulator.media import MediaStore

MAX_WIRE = 500
FAULT_KINDS = ("", "errcode", "hang", "cut_before", "cut_after", "http_502", "garbage")

Json = dict[str, Any]
Watcher = Callable[[Json], None]


@dataclass(frozen=True)
class Shown:
    """One thing on a follower's screen. `via` says how an answer came: passive or custom; `delivery` is the
    number of the push (1 to 3) whose answer carried it."""

    id: int
    at: datetime
    side: str  # guest, account, notice
    text: str
    kind: str = "text"
    via: str = ""
    delivery: int = 0
    push: int = 0
    options: tuple[tuple[str, str], ...] = ()  # (id, content) of a msgmenu
    media: str = ""  # what is to be seen or heard, in the platform's store


@dataclass(frozen=True)
class WireEntry:
    """One exchange: a delivery of a push, or a call to the platform. `sent` is as it went over the wire,
    `…_plain` the same decrypted. `end` says how it ended: answered, cut, lost, refused, ..."""

    id: int
    at: datetime
    kind: str  # push, call
    title: str
    openid: str
    push: int = 0
    delivery: int = 0
    sent: str = ""
    sent_plain: str = ""
    status: int | None = None
    answer: str = ""
    answer_plain: str = ""
    seconds: float | None = None
    end: str = ""
    left: int | None = None  # what the reply window still allowed when this was written
    closes_at: str | None = None


@dataclass
class Follower:
    """One person with WeChat. `name` is known to the simulator alone: the platform tells no names."""

    openid: str
    name: str
    following: bool = True
    ledger: Ledger = field(default_factory=Ledger)
    acted_at: datetime | None = None
    typing: bool = False
    screen: list[Shown] = field(default_factory=list)


@dataclass(frozen=True)
class Switches:
    """How badly the platform behaves. Counts run down to 0; -1 means until switched off."""

    delay: float = 0.0  # seconds before a push leaves
    disorder: bool = False  # of two pushes that follow each other the later one arrives first
    duplicate: bool = False  # every push comes again though it was answered
    lose_pushes: int = 0  # the next deliveries never arrive
    lose_answers: int = 0  # the next deliveries arrive, but their answers don't
    verified: bool = True  # an unverified account has no custom/send
    token_seconds: int = 7200
    answer_within: float = 5.0  # seconds until a delivery is cut
    send_fault: str = ""  # one of FAULT_KINDS
    send_errcode: int = 0  # for the kind errcode
    send_faults: int = 0
    media_errcode: int = 0  # what the store answers in place of a file
    media_faults: int = 0
    own_replies_on: bool = False  # the account's own welcome and keywords answer as well
    snapshot_users: bool = False  # a page is opened in a preview: the user is made up
    films_by_address: bool = False  # a film comes as an address, as on the real platform

    def changed(self, changes: Mapping[str, Any]) -> "Switches":
        """With some of them set; ValueError names what cannot be."""
        for name, value in changes.items():
            _check_switch(name, value)
        return replace(self, **changes)


def _check_switch(name: str, value: object) -> None:
    defaults = {item.name: item.default for item in fields(Switches)}
    if name not in defaults:
        raise ValueError(f"no switch {name}")
    if name == "send_fault" and value not in FAULT_KINDS:
        raise ValueError(f"send_fault is one of {', '.join(FAULT_KINDS)}")
    wanted = (int, float) if isinstance(defaults[name], float) else (type(defaults[name]),)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(defaults[name], bool)):
        raise ValueError(f"{name} is a {type(defaults[name]).__name__}")


class State:
    """Everything the simulator knows, and who watches it."""

    def __init__(self, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.followers: dict[str, Follower] = {}
        self.wire: deque[WireEntry] = deque(maxlen=MAX_WIRE)
        self.menu: Json | None = None
        self.viewer = ""  # the openid whose phone has opened a page last
        self.media = MediaStore(now)
        self.watchers: set[Watcher] = set()
        self._initial = switches
        self._numbers = itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    def reset(self) -> None:
        """As at the start, but for numbers, which are never used again, and for the watchers."""
        self.followers.clear()
        self.wire.clear()
        self.media.clear()
        self.switches = self._initial
        self.tell({"type": "reset"})

    def tell(self, change: Json) -> None:
        for watcher in tuple(self.watchers):
            watcher(change)

    # ---- switches

    def switch(self, changes: Mapping[str, Any]) -> None:
        self.switches = self.switches.changed(changes)
        self.tell({"type": "switches", "switches": asdict(self.switches)})

    def use_up(self, counter: str) -> bool:
        """Whether the fault that `counter` counts strikes now; takes one off the count."""
        left: int = getattr(self.switches, counter)
        if left > 0:
            self.switch({counter: left - 1})
        return left != 0

    # ---- followers

    def add_follower(self, name: str, *, following: bool) -> Follower:
        openid = "o" + secrets.token_urlsafe(20)
        follower = Follower(openid, name, following)
        self.followers[openid] = follower
        self.tell_follower(follower)
        return follower

    def acted(self, follower: Follower, window: Window | None) -> None:
        """The follower did something: a reply window may open."""
        follower.acted_at = self.now()
        follower.ledger = follower.ledger.opened(window, follower.acted_at)
        self.tell_follower(follower)

    def show(self, follower: Follower, side: str, text: str, **more: Any) -> Shown:
        shown = Shown(self.number(), self.now(), side, text, **more)
        follower.screen.append(shown)
        self.tell({"type": "shown", "openid": follower.openid, "shown": as_json(shown)})
        if side == "account":
            follower.typing = False
        self.tell_follower(follower)
        return shown

    def tell_follower(self, follower: Follower) -> None:
        self.tell({"type": "follower", "follower": self.follower_json(follower)})

    def follower_json(self, follower: Follower) -> Json:
        allowance = follower.ledger.allowance(self.now())
        return {
            "openid": follower.openid,
            "name": follower.name,
            "following": follower.following,
            "typing": follower.typing,
            "left": allowance.left,
            "closes_at": allowance.closes_at and allowance.closes_at.isoformat(),
        }

    # ---- the wire

    def log(self, entry: WireEntry) -> WireEntry:
        """Adds an entry, or replaces the one of the same id that was still open."""
        if entry.openid in self.followers:
            allowance = self.followers[entry.openid].ledger.allowance(self.now())
            closes_at = None if allowance.closes_at is None else allowance.closes_at.isoformat()
            entry = replace(entry, left=allowance.left, closes_at=closes_at)
        for place, known in enumerate(self.wire):
            if known.id == entry.id:
                self.wire[place] = entry
                break
        else:
            self.wire.append(entry)
        self.tell({"type": "wire", "entry": as_json(entry)})
        return entry


def as_json(item: Shown | WireEntry) -> Json:
    return asdict(item) | {"at": item.at.isoformat()}
