"""The line that a colleague leaves when they end a visit, proposed from its log by rules.  Pure.

What the guest wanted, what they were told, what became of orders and promises. It is offered, and whoever
closes may change every word of it; what has no source is not in it.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from bot import summary
from bot.conversation import GRAVE
from bot.model import EventType
from bot.summary import Said

E = EventType
Say = Callable[..., str]  # a text by its key

WORDS = 30  # characters of what somebody said
ORDERS, PROMISES, TOPICS = 2, 2, 2
TELLING = 6  # characters; shorter words (人工, 在吗, 好的) tell nothing

# What colleagues say to be polite: the line is about what they did.
_COURTESY = re.compile(
    r"不客气|不用谢|祝您|再见|晚安|欢迎(?:再次|下次|您)|请问|稍等|很高兴|为您服务$|^(?:您好|你好|好的|收到|嗯)[，,。!！~]?$"
)


def proposed(visit: Sequence[Said], say: Say) -> str:
    """One line for the visit that is being closed; empty where there is nothing to tell."""
    return "；".join(piece for piece in _pieces(visit, say) if piece)


def _pieces(visit: Sequence[Said], say: Say) -> Iterator[str]:
    yield from _wanted(visit, say)
    if told := _told(visit):
        yield say("closing_told", words=told)
    ends = summary.ends(visit)
    placed = [(e, c) for e, c in visit if e.type is E.ORDER_PLACED]
    for event, content in placed[-ORDERS:]:
        name, what = say(f"service_{event.body['service']}"), (content.details or {}).get("what")
        shown = f"{name} {_short(what)}" if isinstance(what, str) and what.strip() else name
        yield say(f"closing_order_{ends.get(event.body['order'], 'open')}", what=shown)
    promised = [(e, c) for e, c in visit if e.type is E.PROMISE_MADE and c.text]
    for event, content in promised[-PROMISES:]:
        outcome = ends.get(event.body["promise"], "open")
        yield say(f"closing_promise_{outcome}", words=_short(content.text or ""))


def _wanted(visit: Sequence[Said], say: Say) -> Iterator[str]:
    """What a person was needed for, in the guest's words; else what the assistant was asked."""
    asked = [e for e, _ in visit if e.type is E.HANDOFF_REQUESTED]
    if not asked:
        topics = [str(e.body.get("intent") or "") for e, _ in visit if e.type is E.ASSISTANT_SAID]
        names = [say(f"intent_{one}") for one in dict.fromkeys(topics) if one.startswith("ask_")]
        yield "、".join(name for name in names[-TOPICS:] if name)
        return
    grave = next((e for e in asked if e.body["reason"] in GRAVE), None)
    words = _guests(visit, (grave or asked[0]).seq)
    if grave:
        yield say(f"reason_{grave.body['reason']}") + (f"：“{words}”" if words else "")
    elif words:
        yield say("closing_said", words=words)


def _guests(visit: Sequence[Said], handoff: int) -> str | None:
    """The guest's word that a person was asked for with, or the first after it that says more."""
    said = [(e.seq, c.text) for e, c in visit if e.type is E.GUEST_SAID and c.text and c.text.strip()]
    before = [text for seq, text in said if seq < handoff][-1:]
    after = [text for seq, text in said if seq > handoff]
    telling = [text for text in (*before, *after) if len(text.strip()) >= TELLING]
    found = (telling or [*before, *after])[:1]
    return _short(found[0]) if found else None


def _told(visit: Sequence[Said]) -> str | None:
    """The last thing of a colleague's that is more than polite."""
    said = [c.text.strip() for e, c in visit if e.type is E.STAFF_SAID and c.text]
    telling = [text for text in said if len(text) >= TELLING and not _COURTESY.search(text)]
    return _short(telling[-1]) if telling else None


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip("。.！!～~ ")
    return line if len(line) <= WORDS else line[: WORDS - 1] + "…"
