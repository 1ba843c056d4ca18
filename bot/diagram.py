"""The states of a conversation as a page: a diagram and a table, drawn from conversation.TABLE.

`python -m bot.diagram > docs/states.md` writes the page again; a test compares the two. Pure.
"""

from collections.abc import Iterator

from bot.conversation import EPOCH_RAISING, GRAVE, TABLE, Cell, Conversation, Verdict
from bot.model import EventType, State

_MEANINGS = {
    State.BOT: "the assistant has it 助手在接待",
    State.WAITING: "a person is needed, nobody has it 待接入",
    State.STAFF: "one named person has it 员工在接待",
    State.CLOSED: "the visit has ended 已结束",
}
_VERDICTS = {Verdict.STAY: "stays", Verdict.DROP: "drops", Verdict.REFUSE: "refuses"}

_HEAD = """\
# States of a conversation 会话的状态

Drawn from `bot.conversation.TABLE` by `python -m bot.diagram > docs/states.md`; don't edit it by hand.
"""

_AFTER_DIAGRAM = """\
- In CLOSED a guest's word is refused by itself; the service puts `reopened` in front of it, in the same
  transaction, and the next visit begins.
- Whoever writes to a conversation that nobody holds claims it: `claimed` stands before `staff_said`.
- A holder who is no longer active holds nothing: `lapsed` stands before whatever happens next.
- In WAITING the assistant goes on answering, except when the reason is one of
  {grave}.
  In STAFF and CLOSED it is silent. What it has computed under an older epoch is kept as `assistant_drafted`.

## Every state and every event

- → STATE: the state changes.
- stays: the event is appended, the state remains.
- drops: the event is appended and changes nothing, the epoch neither.
- refuses: the event can't be appended.
- epoch: who may speak has changed, so answers that the assistant computed before are drafts.
"""


def moves() -> Iterator[tuple[State, EventType, State]]:
    """(from, event, to) of every cell that names a state, a state's own name too."""
    for event, cells in TABLE.items():
        for state, cell in cells.items():
            if isinstance(cell, State):
                yield state, event, cell


def diagram() -> str:
    """The moves for Mermaid, an arrow for each pair of states."""
    labels: dict[tuple[State, State], list[str]] = {}
    for source, event, target in moves():
        labels.setdefault((source, target), []).append(event)
    states = [f"    {state}: {state}<br>{meaning}" for state, meaning in _MEANINGS.items()]
    arrows = [
        f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in labels.items()
    ]
    return "\n".join(["stateDiagram-v2", *states, f"    [*] --> {Conversation.state}", *arrows])


def table() -> str:
    """Every pair of event and state as Markdown."""
    head = ["event", *State, "epoch"]
    rows = [
        [f"`{event}`", *(_shown(cells[state]) for state in State), "+1" if event in EPOCH_RAISING else ""]
        for event, cells in TABLE.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _shown(cell: Cell) -> str:
    return f"→ {cell}" if isinstance(cell, State) else _VERDICTS[cell]


def page() -> str:
    """The whole of docs/states.md."""
    notes = _AFTER_DIAGRAM.format(grave=", ".join(f"`{reason}`" for reason in sorted(GRAVE)))
    return "\n".join([_HEAD, f"```mermaid\n{diagram()}\n```", "", notes, table(), ""])


if __name__ == "__main__":
    print(page(), end="")
