"""The queue: its order, what is overdue, who may claim, and when somebody is on duty.

Pure; `now` is an argument. Hours are local to the hotel's zone, as its desk is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.conversation import Conversation
from bot.model import StaffId, State

Span = tuple[time, time]  # from, until; an `until` not after `from` is the next day's; 00:00-00:00 is all day


@dataclass(frozen=True)
class DutyHours:
    """When somebody answers the desk. `week[0]` is Monday; `days` are exceptions by date."""

    zone: ZoneInfo
    week: Sequence[Sequence[Span]]
    days: Mapping[date, Sequence[Span]]

    def spans_of(self, day: date) -> Sequence[Span]:
        return self.days.get(day, self.week[day.weekday()])


@dataclass(frozen=True)
class Duty:
    """Whether somebody is on duty: open `until`, else again from `next` (None: nobody in two weeks)."""

    open: bool
    until: datetime | None = None
    next: datetime | None = None


def bounds(hours: DutyHours, day: date, span: Span) -> tuple[datetime, datetime]:
    start = datetime.combine(day, span[0], hours.zone)
    end = datetime.combine(day, span[1], hours.zone)
    return start, end if span[1] > span[0] else datetime.combine(day + timedelta(days=1), span[1], hours.zone)


def duty(hours: DutyHours, now: datetime) -> Duty:
    """Whether somebody is on duty at `now`. Spans that touch count as one."""
    today = now.astimezone(hours.zone).date()
    spans = sorted(
        bounds(hours, today + timedelta(days=offset), span)
        for offset in range(-1, 15)
        for span in hours.spans_of(today + timedelta(days=offset))
    )
    until: datetime | None = None
    for start, end in spans:
        if start <= (until or now) < end:
            until = end
        elif until is None and start > now:
            return Duty(False, next=start)
    return Duty(until is not None, until=until)


def rank(c: Conversation, me: StaffId | None, now: datetime, hold: timedelta) -> tuple[int, datetime]:
    """Sort key of the desk's queue: alarms, mine overdue, waiting by age, mine, others', the assistant's."""
    latest = c.guest_at or c.opened_at or now
    if c.alarm_since:
        return 0, c.alarm_since
    if c.state is State.STAFF and c.holder == me and overdue(c, now, hold):
        return 1, c.unheard_since or latest
    if c.state is State.WAITING:
        return 2, c.waiting_since or latest
    mine = c.state is State.STAFF and c.holder == me
    order = {State.STAFF: 3 if mine else 4, State.BOT: 5, State.CLOSED: 6}
    return order[c.state], latest


def overdue(c: Conversation, now: datetime, hold: timedelta) -> bool:
    """Whether a guest in somebody's hands has waited longer than the hotel allows."""
    if c.state is not State.STAFF or c.unheard_since is None or c.held_since is None:
        return False
    return now >= max(c.unheard_since, c.held_since) + hold


def may_claim(c: Conversation, holder_active: bool) -> bool:
    """Anybody of the hotel may claim what nobody holds; a departed holder holds nothing."""
    return c.state is not State.STAFF or not holder_active
