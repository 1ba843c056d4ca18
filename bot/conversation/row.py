"""The row of a conversation: what folding its log gives, and nothing besides."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.model import ConversationId, GuestId, HotelId, IdentityId, Reason, StaffId, State

# Once a person is needed for one of these, the assistant is silent until a person has been there.
GRAVE = frozenset({Reason.EMERGENCY, Reason.COMPLAIN, Reason.BILLING_DISPUTE, Reason.PRIVACY_REQUEST})


@dataclass(frozen=True)
class Conversation:
    """The row: what folding a log gives. Times are aware UTC. `seq` is also the version."""

    hotel: HotelId
    id: ConversationId
    guest: GuestId
    seq: int = 0
    state: State = State.BOT
    epoch: int = 0
    visit: int = 1
    opened_at: datetime | None = None
    holder: StaffId | None = None
    held_since: datetime | None = None
    waiting_since: datetime | None = None
    reason: Reason | None = None
    alarm_since: datetime | None = None
    alarm_kind: str | None = None
    identity: IdentityId | None = None  # where the guest last wrote: replies go there
    guest_seq: int = 0  # the guest's last message
    guest_at: datetime | None = None
    answered_seq: int = 0  # the guest's messages up to here have had their answer
    unheard_since: datetime | None = None  # since when the guest waits for a word from us
    said_seq: int = 0  # the last thing anybody said aloud
    introduced_visit: int = 0  # the visit in which the assistant last said what it is
    notice: str | None = None  # version of the privacy notice that was shown
    unclear: tuple[int, ...] = ()
    reachable: bool = True  # false once the guest has unfollowed where replies go
    changed_at: datetime | None = None
    drafts: tuple[int, ...] | None = None  # what trainees would say, and nobody has decided on
    snoozed_by: StaffId | None = None  # who put it aside, until then (or the guest's next word)
    snoozed_until: datetime | None = None
    ended_into: ConversationId | None = None  # its guest proved to be that one's: it goes on there
    department: str | None = None  # to which it was handed off, where the hotel has departments
    urgent: str | None = None  # why it comes before others that wait
    needs: tuple[str, ...] | None = None  # skills that its topic asks for
    assigned_to: StaffId | None = None  # who is asked to take it; anybody else still may
    assigned_until: datetime | None = None
    passed: tuple[StaffId, ...] | None = None  # who let it pass, since somebody last had it
    nobody: str | None = None  # why it could be assigned to nobody when that was last tried
    seen_by: StaffId | None = None  # who has seen the alert about it, and when
    seen_at: datetime | None = None

    @property
    def silent(self) -> bool:
        """Whether the assistant must say nothing now."""
        grave = self.state is State.WAITING and self.reason in GRAVE
        return grave or self.state in (State.STAFF, State.CLOSED)

    @property
    def pending(self) -> bool:
        """Whether a message of the guest has had no answer from anybody."""
        return self.guest_seq > self.answered_seq

    def canonical(self) -> str:
        """The row as text, the same bytes for the same log.

        What a later release added is left out while it says nothing, so that older rows stay what they are.
        """
        told = {k: v for k, v in asdict(self).items() if v is not None or k not in _ADDED}
        return json.dumps(told, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


_ADDED = frozenset(
    {
        "ended_into",
        "department",
        "urgent",
        "needs",
        "assigned_to",
        "assigned_until",
        "passed",
        "nobody",
        "drafts",
        "snoozed_by",
        "snoozed_until",
        "seen_by",
        "seen_at",
    }
)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not a value of a conversation row: {value!r}")
