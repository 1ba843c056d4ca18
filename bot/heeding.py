"""What counts whatever the assistant made of a message: we tell guests that 转人工 brings a person.  Pure."""

import re
from collections.abc import Sequence

from bot.knowledge.writing import plain
from bot.model import ASKING_BACK, Act, Handoff, Reason, Say
from bot.safety import quieted

_WANTED = re.compile(
    r"转接?真?人工|人工(?:客服|服务|坐席)(?!费)|(?:找|要|叫|换|接)(?:个|位|一下)?真?人工(?!智能|湖|降|费)"
)
_UNWANTED = re.compile(r"(?:不|别|无需|没必要)(?:用|要|想|必|需要)?再?(?:转|找|要|叫|接)?(?:个|位)?真?人工")


def heeded(acts: Sequence[Act], text: str) -> Sequence[Act]:
    """The acts, with a person where the guest has asked for one in the words that we name; then nothing is
    asked back any more."""
    acts = quieted(acts, text)
    if any(isinstance(act, Handoff) for act in acts) or not _asks_for_a_person(plain(text)):
        return acts
    told = tuple(act for act in acts if not (isinstance(act, Say) and act.key in ASKING_BACK))
    return (*told, Handoff(Reason.HUMAN_HANDOFF))


def _asks_for_a_person(text: str) -> bool:
    return bool(_WANTED.search(_UNWANTED.sub("", text)))
