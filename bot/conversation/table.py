"""What each state does with each event: the table from which docs/states.md is drawn."""

from datetime import datetime
from enum import Enum

from bot.model import EventType, StaffId, State

E = EventType


# Each of these changes who may speak.
EPOCH_RAISING = frozenset(
    {E.HANDOFF_REQUESTED, E.CLAIMED, E.TRANSFERRED, E.RELEASED, E.LAPSED, E.CLOSED, E.REOPENED}
)


class Verdict(Enum):
    """What a state does with an event that doesn't move it."""

    STAY = "stay"
    DROP = "drop"
    REFUSE = "refuse"


class Refused(Exception):
    """The rules don't allow it now. `code` is stable; `holder` and `since` say who has the conversation."""

    def __init__(self, code: str, holder: StaffId | None = None, since: datetime | None = None) -> None:
        super().__init__(code)
        self.code, self.holder, self.since = code, holder, since


Cell = State | Verdict
_STAY, _DROP, _REFUSE = Verdict.STAY, Verdict.DROP, Verdict.REFUSE


def _row(bot: Cell, waiting: Cell, staff: Cell, closed: Cell) -> dict[State, Cell]:
    return {State.BOT: bot, State.WAITING: waiting, State.STAFF: staff, State.CLOSED: closed}


_ANYWHERE = _row(_STAY, _STAY, _STAY, _STAY)
_WHILE_OPEN = _row(_STAY, _STAY, _STAY, _REFUSE)

TABLE: dict[EventType, dict[State, Cell]] = {
    E.CONTACTED: _ANYWHERE,
    E.NOTICE_SHOWN: _WHILE_OPEN,
    E.GUEST_SAID: _WHILE_OPEN,  # in CLOSED the next visit is opened first
    E.GUEST_FOLLOWED: _WHILE_OPEN,
    E.GUEST_UNFOLLOWED: _ANYWHERE,
    E.CHANNEL_EVENT_RECEIVED: _ANYWHERE,
    E.ASSISTANT_SAID: _row(_STAY, _STAY, _REFUSE, _REFUSE),
    E.ASSISTANT_DRAFTED: _ANYWHERE,
    E.HANDOFF_REQUESTED: _row(State.WAITING, State.WAITING, _DROP, _REFUSE),
    E.ALARM_RAISED: _WHILE_OPEN,
    E.ALARM_ACKNOWLEDGED: _ANYWHERE,
    E.ALERT_ACKNOWLEDGED: _ANYWHERE,
    E.CLAIMED: _row(State.STAFF, State.STAFF, _REFUSE, _REFUSE),
    E.TRANSFERRED: _row(_REFUSE, _REFUSE, State.STAFF, _REFUSE),
    E.RELEASED: _row(_REFUSE, _REFUSE, State.BOT, _REFUSE),
    E.LAPSED: _row(_REFUSE, _REFUSE, State.WAITING, _REFUSE),
    E.ASSIGNED: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.ASSIGNMENT_ENDED: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.NOBODY_FOUND: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.CLOSED: _row(State.CLOSED, State.CLOSED, State.CLOSED, _REFUSE),
    E.REOPENED: _row(_REFUSE, _REFUSE, _REFUSE, State.BOT),
    E.STAFF_SAID: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.STAFF_NOTED: _ANYWHERE,
    E.WHISPERED: _ANYWHERE,
    E.SNOOZED: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.SNOOZE_ENDED: _ANYWHERE,
    E.REPLY_FLAGGED: _ANYWHERE,
    E.REPLY_DRAFTED: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.REPLY_REFUSED: _ANYWHERE,
    E.TARGET_NEARED: _ANYWHERE,
    E.DELIVERY_ACCEPTED: _ANYWHERE,
    E.DELIVERY_UNCLEAR: _ANYWHERE,
    E.DELIVERY_FAILED: _ANYWHERE,
    E.DELIVERY_READ: _ANYWHERE,
    E.RESEND_REQUESTED: _ANYWHERE,
    E.ORDER_PLACED: _ANYWHERE,
    E.ORDER_CHANGED: _ANYWHERE,
    E.ORDER_CANCELLED: _ANYWHERE,
    E.ORDER_RUNG: _ANYWHERE,
    E.ORDER_DONE: _ANYWHERE,
    E.ORDER_TAKEN: _ANYWHERE,
    E.ORDER_HANDED_OVER: _ANYWHERE,
    E.PROMISE_MADE: _ANYWHERE,
    E.PROMISE_DECLINED: _ANYWHERE,
    E.PROMISE_CHANGED: _ANYWHERE,
    E.PROMISE_REMINDED: _ANYWHERE,
    E.PROMISE_KEPT: _ANYWHERE,
    E.PROMISE_BROKEN: _ANYWHERE,
    E.PROMISE_HANDED_OVER: _ANYWHERE,
    E.PREFERENCE_REMEMBERED: _ANYWHERE,
    E.READING_CORRECTED: _ANYWHERE,
    E.CORRECTION_WITHDRAWN: _ANYWHERE,
    E.CORRECTION_REVIEWED: _ANYWHERE,
    E.IDENTITY_LINKED: _ANYWHERE,
    E.IDENTITY_UNLINKED: _ANYWHERE,
    E.ENDED: _row(State.CLOSED, State.CLOSED, State.CLOSED, _STAY),
    E.MEDIA_KEPT: _ANYWHERE,
    E.MEDIA_LOST: _ANYWHERE,
    E.VOICE_HEARD: _ANYWHERE,
    E.GUEST_OPTED: _ANYWHERE,
    E.GUEST_NOTIFIED: _ANYWHERE,
    E.RATING_ASKED: _row(_REFUSE, _REFUSE, _REFUSE, _STAY),
    E.GUEST_RATED: _ANYWHERE,
    E.RATING_THANKED: _ANYWHERE,
    E.VIP_MARKED: _ANYWHERE,
    E.GUEST_HANDED_OVER: _ANYWHERE,
    E.GUEST_ERASED: _ANYWHERE,
    E.FOREIGN: _ANYWHERE,
}
