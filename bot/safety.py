"""Safety words: whether a message tells of danger to people. Works without Rasa, and before it.

Owns the reading of data/safety.yml. Never decides what is said or who is rung; no model overrules it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bot.knowledge.writing import plain
from bot.model import Act, Handoff, Reason

FILE = Path(__file__).resolve().parent.parent / "data" / "safety.yml"
LONGEST = 2000  # characters looked at; who is in danger does not write more first
_SPACE_IN_CHINESE = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_STRUCK = "□"
_NEVER_TOLD = frozenset({"self_harm"})  # whoever speaks of it is rung for, whatever else they speak of


@dataclass(frozen=True)
class Danger:
    """`kind` is fire, medical, trapped, crime or self_harm; `words` is what gave it away: a guest's."""

    kind: str
    words: str


@dataclass(frozen=True)
class SafetyWords:
    fold: Mapping[int, str]
    harmless: re.Pattern[str]
    supposing: re.Pattern[str]
    urgent: re.Pattern[str]
    told: re.Pattern[str]
    acute: re.Pattern[str]
    past: re.Pattern[str]
    present: re.Pattern[str]
    kinds: Mapping[str, re.Pattern[str]]

    def danger(self, text: str) -> Danger | None:
        plain = self._folded(text)
        urgent = bool(self.urgent.search(plain))
        if not urgent and (self.supposing.search(plain) or self._is_over(plain)):
            return None
        told = not urgent and self._is_told(plain)
        left = self.harmless.sub(_STRUCK, plain)
        for kind, words in self.kinds.items():
            match = words.search(left)
            if match and not (told and kind not in _NEVER_TOLD):
                return Danger(kind, match.group())
        return None

    def is_calm(self, text: str) -> bool:
        """Whether it is expressly no danger: likened, nearly happened, over, asked about, well again."""
        plain = self._folded(text)
        left = self.harmless.sub(_STRUCK, plain)  # 救命这枕头太高了 calls for nobody
        if self.urgent.search(left) or self.acute.search(left) or self.danger(text):
            return False
        contexts = (self.harmless, self.supposing, self.told)
        return any(context.search(plain) for context in contexts) or self._is_over(plain)

    def _is_told(self, plain: str) -> bool:
        """Who asks for redress, or speaks of a film, tells of danger and isn't in it, unless it goes on."""
        return bool(self.told.search(plain)) and not self.acute.search(plain)

    def _is_over(self, plain: str) -> bool:
        """What is told of a day gone by is a complaint, or a story: the model reads it, nobody is rung."""
        return bool(self.past.search(plain)) and not self.present.search(plain)

    def _folded(self, text: str) -> str:
        return _SPACE_IN_CHINESE.sub("", plain(text[:LONGEST]).translate(self.fold))


def read(content: Mapping[str, Any]) -> SafetyWords:
    """Raises KeyError or re.error when the file is not what data/safety.yml says it must be."""
    return SafetyWords(
        fold=str.maketrans(dict(content["fold"])),
        harmless=_any(content["harmless"]),
        supposing=re.compile(content["supposing"]),
        urgent=re.compile(content["urgent"]),
        told=re.compile(content["told"]),
        acute=re.compile(content["acute"]),
        past=re.compile(content["past"]),
        present=re.compile(content["present"]),
        kinds={kind: _any(words) for kind, words in content["kinds"].items()},
    )


def _any(expressions: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{expression})" for expression in expressions))


@lru_cache(maxsize=1)
def safety_words() -> SafetyWords:
    return read(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def quieted(acts: Sequence[Act], text: str) -> Sequence[Act]:
    """Where the assistant alone takes for danger what is expressly none, a person comes and no bell rings."""
    if not any(_rings(act) for act in acts) or not safety_words().is_calm(text):
        return acts
    return tuple(Handoff(Reason.HUMAN_HANDOFF) if _rings(act) else act for act in acts)


def _rings(act: Act) -> bool:
    return isinstance(act, Handoff) and act.reason is Reason.EMERGENCY


def danger(text: str) -> Danger | None:
    """What the product's own safety words find in a message, or None."""
    return safety_words().danger(text)
