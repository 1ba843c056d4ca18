"""Who may do what at the desk: every role and its permissions, in one table. Pure: no I/O, no clock.

Which permission a route asks for stands in bot/http/permissions.py. A role may run out on a date.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in a hotel."""

    TRAINEE = "trainee"
    AGENT = "agent"
    SENIOR = "senior"
    DUTY_MANAGER = "duty_manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route may ask for."""

    LOOK = "look"  # conversations, orders, promises, knowledge; and one's own read mark
    WORK = "work"  # take conversations and give them back, note, tick orders, see to promises
    SPEAK = "speak"  # what one writes reaches the guest
    TEACH = "teach"  # knowledge, and whether two guests are one
    APPROVE = "approve"  # what trainees would say
    OVERSEE = "oversee"  # the day, the people and what they hold
    REVIEW = "review"  # colleagues' marks on what the assistant said; the canned replies
    UNSEAL = "unseal"  # open sealed numbers, on record
    APPOINT = "appoint"  # give roles, and end somebody's access


P = Permission

_TRAINEE = frozenset({P.LOOK, P.WORK})
_AGENT = _TRAINEE | {P.SPEAK, P.TEACH}
_SENIOR = _AGENT | {P.APPROVE}
_DUTY_MANAGER = _SENIOR | {P.OVERSEE, P.REVIEW, P.UNSEAL}

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.TRAINEE: _TRAINEE,
    Role.AGENT: _AGENT,
    Role.SENIOR: _SENIOR,
    Role.DUTY_MANAGER: _DUTY_MANAGER,
    Role.ADMINISTRATOR: _DUTY_MANAGER | {P.APPOINT},
    Role.AUDITOR: frozenset({P.LOOK, P.OVERSEE}),
}


# They may own what is open: a conversation, a promise.
WORKING = tuple(role for role in Role if P.WORK in MAY[role])


def may(role: str | None, permission: Permission) -> bool:
    """Whether somebody in this role may; a role that a newer release knows may nothing here."""
    return role in set(Role) and permission in MAY[Role(role)]


def end_of(last: date, zone: tzinfo) -> datetime:
    """When a role runs out whose last day this is: with the hotel's midnight."""
    return datetime.combine(last + timedelta(days=1), time(), zone)


def last_day(expires_at: datetime | None, zone: tzinfo) -> date | None:
    """The last day of a role that runs out then."""
    return (expires_at.astimezone(zone) - timedelta(microseconds=1)).date() if expires_at else None
