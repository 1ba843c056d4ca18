"""docs/states.md is the table of bot.conversation, drawn: no arrow and no cell more or less."""

import re
from pathlib import Path

from bot.conversation import TABLE, Verdict
from bot.diagram import page
from bot.model import State

COMMITTED = Path(__file__).parents[2] / "docs/states.md"
VERDICTS = {"stays": Verdict.STAY, "drops": Verdict.DROP, "refuses": Verdict.REFUSE}


def test_the_page_is_the_one_that_is_drawn_from_the_table() -> None:
    assert COMMITTED.read_text("utf-8") == page(), "python -m bot.diagram > docs/states.md"


def test_every_move_is_an_arrow_and_every_arrow_a_move() -> None:
    drawn = re.findall(r"^ +(\w+) --> (\w+): (.*)$", COMMITTED.read_text("utf-8"), re.MULTILINE)
    arrows = {(source, event, target) for source, target, events in drawn for event in events.split(", ")}
    wanted = {
        (state, event, cell)
        for event, cells in TABLE.items()
        for state, cell in cells.items()
        if isinstance(cell, State)
    }
    assert arrows == wanted


def test_every_pair_stands_in_the_table() -> None:
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|[^|]*\|$", COMMITTED.read_text("utf-8"), re.MULTILINE)
    shown = {event: dict(zip(State, cells.split(" | "), strict=True)) for event, cells in lines}
    read = {
        event: {s: State(c[2:]) if c.startswith("→") else VERDICTS[c] for s, c in cells.items()}
        for event, cells in shown.items()
    }
    assert read == TABLE
