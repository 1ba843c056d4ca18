"""From what the dialogue wants to say and the points that were found to what is said. Pure.

The intent narrows (points of its topic count for more), retrieval decides, and a margin decides whether to
answer, to offer two, or to leave it to what the dialogue wants: a topic's own answer, a question back, a
person. Thresholds are on a hit's score, 0 to 1; they were chosen by hand on the tuning half of
tests/data/knowledge, and `python -m bench.retrieval` shows what they come to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.knowledge.index import Hit
from bot.knowledge.rules import speaks
from bot.model import ASKING_BACK, Act, Answer, Handoff, Json, Reason, Say
from bot.store.points import Version

NEARER = 0.1  # what a point of the topic, or of none, is ahead of other topics' points
ENOUGH = 0.45  # a point that answers instead of its topic's own answer
CERTAIN = 0.5  # a point that answers although the dialogue has not understood
MARGIN = 0.05  # the second best is this far behind, or both are offered

NOT_UNDERSTOOD = frozenset({Reason.LOW_CONFIDENCE, Reason.MISUNDERSTOOD})
# What the dialogue says where it has understood nothing, or no reading for certain. Small talk and other
# languages are no questions to the hotel. Who waits for a person is told no more than that they are heard.
LOST_WORDS = (*ASKING_BACK, "out_of_scope", "waiting_noted")
QUESTION = (
    "reading_ask_"  # how the key of an offered reading begins that a point can answer; others are tasks
)


@dataclass(frozen=True)
class Found:
    """What was found, and what may be said: the hotel's approved points, on this day and channel."""

    hits: Sequence[Hit]
    points: Mapping[str, Version]
    today: date
    channel: str | None

    def ranked(self, topic: str | None) -> list[tuple[float, Version]]:
        """Candidates, best first; a topic's own answer is none, it is what there is without one."""
        known = ((hit.score, self.points.get(hit.point)) for hit in self.hits)
        spoken = [(s, p) for s, p in known if p and speaks(p.entry, self.today, self.channel)]
        nearer = [(s + NEARER * _near(p, topic), p) for s, p in spoken if not _is_own(p)]
        return sorted(nearer, key=lambda pair: -pair[0])

    def allowed(self, act: Act) -> Act:
        """A topic whose own answer isn't to be given today, or here, is a colleague's to answer."""
        own = self.points.get(act.topic) if isinstance(act, Answer) else None
        if own is None or speaks(own.entry, self.today, self.channel):
            return act
        return Handoff(Reason.MISSING_FACT, {"missing": own.point})


def _near(point: Version, topic: str | None) -> bool:
    return topic is not None and point.entry.topic in (topic, None)


def _is_own(point: Version) -> bool:
    return point.entry.topic == point.point


def wants(acts: Sequence[Act]) -> bool:
    """Whether looking for points can change anything."""
    return _answered(acts) is not None or _is_lost(acts)


def choose(acts: Sequence[Act], found: Found) -> tuple[Act, ...]:
    """The acts, with the point that answers in place of what it answers better."""
    chosen = tuple(found.allowed(act) for act in acts)
    if answered := _answered(chosen):
        better = _better(found.ranked(answered.topic), answered.topic, ENOUGH)
        return tuple(better or act if act is answered else act for act in chosen)
    if _is_lost(chosen):
        better = _better(found.ranked(None), None, CERTAIN)
        return (better,) if better else chosen
    return chosen


def _answered(acts: Sequence[Act]) -> Answer | None:
    """The one topic that is answered. Of several, each is a part of the message, which was searched whole."""
    answers = [act for act in acts if isinstance(act, Answer)]
    handed_over = any(isinstance(act, Handoff) for act in acts)
    return answers[0] if len(answers) == 1 and not handed_over else None


def _is_lost(acts: Sequence[Act]) -> bool:
    """Whether the dialogue has found nothing to say but that."""

    def lost(act: Act) -> bool:
        if isinstance(act, Handoff):
            return act.reason in NOT_UNDERSTOOD
        return isinstance(act, Say) and act.key.startswith(LOST_WORDS) and _are_questions(act.options)

    return bool(acts) and all(lost(act) for act in acts)


def _are_questions(options: Sequence[Json]) -> bool:
    """Where one of the readings on offer is a task, the guest decides, and no point answers instead."""
    offered = [str(one.get("key") or "") for one in options]
    return all(key.startswith(QUESTION) for key in offered if key.startswith("reading_"))


def _better(ranked: Sequence[tuple[float, Version]], topic: str | None, least: float) -> Act | None:
    """The best point as an act, or a question which of two is meant; None when none is good enough."""
    good = [(score, point) for score, point in ranked[:2] if score >= least]
    if not good:
        return None
    if len(good) == 2 and good[0][0] - good[1][0] < MARGIN:
        return which(point for _, point in good)
    return Answer(topic or good[0][1].entry.topic or "", good[0][1].point)


def which(points: Iterable[Version]) -> Say:
    """Ask which point is meant. Choosing one sends its title, which then finds it for certain."""
    titles = [point.entry.title for point in points]
    return Say("knowledge_which", {}, tuple({"title": title, "text": title} for title in titles))
