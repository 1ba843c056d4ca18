"""The arithmetic of the reply window: how many messages custom/send will still take, and until when.

Pure, and as strict as the platform may be: allowances of several openings do not add up (the larger one
counts), and a message sent counts against every window that is open. Passive replies cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from bot.channels.port import Inbound, InboundKind


@dataclass(frozen=True)
class Window:
    """What one act of the guest's allows."""

    limit: int
    lifetime: timedelta


MESSAGE = Window(5, timedelta(hours=48))
TOUCH = Window(3, timedelta(minutes=1))  # a menu click, a follow, a scan

_TOUCHES = frozenset({InboundKind.CLICK, InboundKind.FOLLOW})
_MESSAGES = frozenset({InboundKind.TEXT, InboundKind.MEDIA})


@dataclass(frozen=True)
class Allowance:
    """What is left now: `left` messages until `closes_at` (None when nothing is open)."""

    left: int
    closes_at: datetime | None


@dataclass(frozen=True)
class Ledger:
    """When a guest last opened each window and what has been sent since."""

    message_at: datetime | None = None
    message_used: int = 0
    touch_at: datetime | None = None
    touch_used: int = 0
    surprises: int = 0  # how often the platform had counted more than we have sent

    def opened(self, window: Window | None, at: datetime) -> Self:
        """After an act of the guest's at `at` (our clock); None or an older act changes nothing."""
        if window == MESSAGE and _not_older(at, self.message_at):
            return replace(self, message_at=at, message_used=0)
        if window == TOUCH and _not_older(at, self.touch_at):
            return replace(self, touch_at=at, touch_used=0)
        return self

    def spent(self) -> Self:
        """After one message that the platform accepted, or may have accepted."""
        return replace(self, message_used=self.message_used + 1, touch_used=self.touch_used + 1)

    def used_up(self) -> Self:
        """After the platform said so itself (45047): it knows better than we do. Somebody else may send."""
        more = self.surprises + 1
        return replace(self, message_used=MESSAGE.limit, touch_used=TOUCH.limit, surprises=more)

    def closed(self) -> Self:
        """After the platform said that no window is open (45015), or the guest unsubscribed."""
        return replace(self, message_at=None, touch_at=None)

    def opened_since(self, at: datetime) -> bool:
        return any(opened is not None and opened > at for opened in (self.message_at, self.touch_at))

    def allowance(self, now: datetime) -> Allowance:
        """What may still be sent at `now`; the larger window, of equals the one that closes later."""
        live = [
            (window.limit - used, at + window.lifetime)
            for window, at, used in (
                (MESSAGE, self.message_at, self.message_used),
                (TOUCH, self.touch_at, self.touch_used),
            )
            if at is not None and now < at + window.lifetime
        ]
        if not live:
            return Allowance(0, None)
        left, closes_at = max(live)
        return Allowance(max(left, 0), closes_at)

    def to_json(self) -> dict[str, Any]:
        """For a JSON column; times as ISO 8601."""
        return {
            "message_at": self.message_at and self.message_at.isoformat(),
            "message_used": self.message_used,
            "touch_at": self.touch_at and self.touch_at.isoformat(),
            "touch_used": self.touch_used,
            "surprises": self.surprises,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote; what is missing is as if nothing had happened yet."""
        return cls(
            message_at=_time(stored.get("message_at")),
            message_used=stored.get("message_used", 0),
            touch_at=_time(stored.get("touch_at")),
            touch_used=stored.get("touch_used", 0),
            surprises=stored.get("surprises", 0),
        )


def window_for(inbound: Inbound) -> Window | None:
    """What an inbound opens. Tapping a choice of a msgmenu arrives as a text but counts as a menu click, as
    do the words that a button of the menu stands for."""
    if inbound.kind in _TOUCHES or inbound.subtype in ("msgmenu", "menu"):
        return TOUCH
    return MESSAGE if inbound.kind in _MESSAGES else None


def _not_older(at: datetime, last: datetime | None) -> bool:
    return last is None or at >= last


def _time(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
