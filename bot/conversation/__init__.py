"""The rules of a conversation: who may speak, and what follows from each thing that happens.

Rules, all of them here and nowhere else:
- Every (state, event) pair stands in TABLE: it moves the state, stays, is dropped or is refused.
- `step` is the only way a conversation changes; `fold` is `step` over a log; the row is its result.
- Whatever changes who may speak raises the epoch; an answer computed under an older epoch is a draft.
- The assistant never speaks in STAFF or CLOSED, nor in WAITING once the reason is grave.
- While a guest waits, `clocks` names at least one thing that will wake somebody, or an Ask is due.

`row`, `table`, `fold` and `clocks` say what a conversation is; `draft` what a command may do to it. The
commands stand with their rules in `guest`, `assistant`, `staff`, `holding`, `joining` and `record`; a part
of the service may bring commands of its own (bot.assignment, bot.rating).

Pure: no I/O, no clock (`now` is an argument), no text of ours (callers render before deciding).
"""

from bot.conversation.assistant import Respond
from bot.conversation.clocks import Patience, Quiet, clocks, heeded_until
from bot.conversation.draft import (
    Ask,
    Command,
    Decision,
    Deliver,
    Draft,
    Effect,
    Route,
    Said,
    Wake,
    decide,
    nowhere,
)
from bot.conversation.fold import fold, step
from bot.conversation.guest import Heard, Lose, Reach, Receive
from bot.conversation.holding import Claim, Close, HandOver, Lapse, Release, Transfer
from bot.conversation.joining import End, Join
from bot.conversation.record import Record
from bot.conversation.row import GRAVE, Conversation
from bot.conversation.staff import Acknowledge, Approve, DraftReply, Note, RefuseDraft, Resend, Speak
from bot.conversation.table import EPOCH_RAISING, TABLE, Cell, Refused, Verdict

__all__ = [
    "EPOCH_RAISING",
    "GRAVE",
    "TABLE",
    "Acknowledge",
    "Approve",
    "Ask",
    "Cell",
    "Claim",
    "Close",
    "Command",
    "Conversation",
    "Decision",
    "Deliver",
    "Draft",
    "DraftReply",
    "Effect",
    "End",
    "HandOver",
    "Heard",
    "Join",
    "Lapse",
    "Lose",
    "Note",
    "Patience",
    "Quiet",
    "Reach",
    "Receive",
    "Record",
    "RefuseDraft",
    "Refused",
    "Release",
    "Resend",
    "Respond",
    "Route",
    "Said",
    "Speak",
    "Transfer",
    "Verdict",
    "Wake",
    "clocks",
    "decide",
    "fold",
    "heeded_until",
    "nowhere",
    "step",
]
