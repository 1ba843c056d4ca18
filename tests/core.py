"""What tests of the core share: the two hotels of the tests, and a scripted outside world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot import hotel_files
from bot.channels.port import Accepted, Fetched, NeverDelivered, Outcome, Reply, TryLater
from bot.engine import EngineFailed, Turn
from bot.knowledge import Hotel, speak
from bot.model import AccountId, Answer, ExternalId, Json
from bot.texts import Texts, load_texts

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "hotels/xinghaihui"
OTHER = ROOT / "tests/data/hotels/yunting"


@lru_cache
def texts() -> Mapping[str, Texts]:
    return load_texts(ROOT / "texts")


def documents(folder: Path = SAMPLE, **hotel: Any) -> dict[str, Any]:
    """A hotel's documents, with some fields of hotel.yml changed."""
    read = hotel_files.read(folder)
    return {**read, "hotel": {**read["hotel"], **hotel}}


def hotel(folder: Path = SAMPLE, **changes: Any) -> Hotel:
    return speak(hotel_files.parse(documents(folder, **changes), texts()), texts())


NEVER: dict[str, list[str]] = {day: [] for day in hotel_files.WEEKDAYS}


@dataclass
class ScriptedSender:
    """Stands for a platform: takes what it is sent and answers with what the test has put there."""

    outcomes: list[Outcome] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, account: AccountId, to: ExternalId, reply: Reply) -> Outcome:
        self.sent.append((account, to, reply.text))
        return self.outcomes.pop(0) if self.outcomes else Accepted()

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.sent]


@dataclass
class ScriptedFetcher:
    """Stands for where a platform keeps guests' files."""

    found: list[Fetched | TryLater | NeverDelivered] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def fetch(
        self, account: AccountId, reference: str, limit: int
    ) -> Fetched | TryLater | NeverDelivered:
        self.asked.append(reference)
        return self.found.pop(0) if self.found else NeverDelivered("gone")


@dataclass
class ScriptedEngine:
    """Stands for Rasa: gives the next turn that the test has put there, else an answer about breakfast."""

    turns: list[Turn | EngineFailed] = field(default_factory=list)
    asked: list[tuple[str, Json | None, Json]] = field(default_factory=list)

    async def ask(self, text: str, memory: Json | None, facts: Json) -> Turn:
        self.asked.append((text, memory, facts))
        turn = (
            self.turns.pop(0) if self.turns else Turn((Answer("ask_breakfast"),), {"turn": len(self.asked)})
        )
        if isinstance(turn, EngineFailed):
            raise turn
        return turn

    async def close(self) -> None:
        pass
