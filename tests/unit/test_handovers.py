"""What a shift leaves behind: each conversation once, what is unusual first, nothing of who has left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.conversation import Conversation
from bot.handovers import Floor, sections
from bot.model import ConversationId, GuestId, HotelId, Reason, StaffId, State

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
LIN, GONE = StaffId("lin"), StaffId("gone")


def row(name: str, **change: object) -> Conversation:
    made = Conversation(HotelId("h"), ConversationId(name), GuestId(f"guest of {name}"), seq=9, said_seq=8)
    return replace(made, **{"state": State.WAITING, "waiting_since": NOW, **change})  # type: ignore[arg-type]


def test_each_conversation_stands_once_where_it_matters_most() -> None:
    held = {"state": State.STAFF, "holder": LIN, "waiting_since": None}
    found = sections(
        Floor(
            [
                row("waits"),
                row("waits longer", waiting_since=NOW - timedelta(hours=1)),
                row("left behind", state=State.STAFF, holder=GONE, unheard_since=NOW),
                row("held", **held),
                row("aside", **held, snoozed_by=LIN, snoozed_until=NOW + timedelta(hours=1)),
                row("dear", **held),
                row("complains", reason=Reason.COMPLAIN),
                row("danger", alarm_since=NOW, reason=Reason.EMERGENCY),
                row("perhaps", state=State.CLOSED, unclear=(4, 7)),
                row("over", state=State.CLOSED),
            ],
            [],
            [],
            {LIN},
            {GuestId("guest of dear")},
        )
    )
    assert [line["conversation"] for line in found["waiting"]] == ["waits longer", "left behind", "waits"]
    assert [line["conversation"] for line in found["held"]] == ["held"]
    assert {line["conversation"]: line["marks"] for line in found["unusual"]} == {
        "danger": ["alarm"],
        "complains": ["complaint"],
        "aside": ["snoozed"],
        "dear": ["vip"],
        "perhaps": ["unclear"],
    }
    assert found["unusual"][0]["conversation"] == "danger"
    assert next(one["seq"] for one in found["unusual"] if one["conversation"] == "perhaps") == 7
    left = next(one for one in found["waiting"] if one["conversation"] == "left behind")
    assert (left["holder"], left["state"]) == (None, State.WAITING)
