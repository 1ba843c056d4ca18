"""What must wake somebody, and when: a function of the row alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.conversation.row import Conversation
from bot.model import Reason, State


@dataclass(frozen=True)
class Quiet:
    """So long an alert that somebody has seen climbs no further: for a guest who waits, for one in an
    emergency, for a promise that is late. What has had nobody by then climbs again."""

    waiting: timedelta = timedelta(minutes=10)
    emergency: timedelta = timedelta(minutes=3)
    promise: timedelta = timedelta(minutes=30)


@dataclass(frozen=True)
class Patience:
    """How long may pass (settings of a hotel)."""

    hold: timedelta = timedelta(minutes=5)
    escalate: timedelta = timedelta(seconds=60)
    idle: timedelta = timedelta(hours=24)
    handler_wait: timedelta = timedelta(seconds=4.3)
    opener: timedelta = timedelta(seconds=1.5)  # a 你好 alone waits so long for what comes after it
    gather: timedelta = timedelta(seconds=2)  # so long a turn takes in what arrives before its answer
    rate: timedelta = timedelta(seconds=10)  # after a visit a guest who says no more is asked how it was
    remind: timedelta = timedelta(minutes=10)  # so long before it is due a promise rings, if there is time
    quiet: Quiet = Quiet()

    def reminded_at(self, due: datetime, since: datetime) -> datetime:
        """When a promise that is known since then first rings: what is due soon rings when it is due."""
        return due - self.remind if due - since >= 2 * self.remind else due


def clocks(c: Conversation, patience: Patience) -> dict[str, datetime]:
    """Which wake-ups this row needs, and when each is first due."""
    due: dict[str, datetime] = {}
    if c.state is State.WAITING and c.waiting_since:
        at_once = c.reason is Reason.EMERGENCY
        due["escalate"] = c.waiting_since if at_once else c.waiting_since + patience.escalate
        if c.department:
            due["assign"] = c.assigned_until or c.waiting_since
    if c.state is State.STAFF and c.unheard_since and c.held_since:
        due["lapse"] = max(c.unheard_since, c.held_since) + patience.hold
    if c.state is State.STAFF and c.snoozed_until:
        due["snooze"] = c.snoozed_until
    if c.state is State.BOT and not c.pending and c.changed_at:
        due["idle"] = c.changed_at + patience.idle
    return due


def heeded_until(c: Conversation, quiet: Quiet) -> datetime | None:
    """Until when the alert about it climbs no further, since somebody has seen it."""
    if c.seen_at is None:
        return None
    if c.state is not State.WAITING:
        return c.seen_at + quiet.promise
    return c.seen_at + (quiet.emergency if c.reason is Reason.EMERGENCY else quiet.waiting)
