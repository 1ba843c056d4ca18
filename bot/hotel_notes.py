"""What a hotel's files say that can't work, and what somebody should know. Pure.

`mistakes` can never be right and are refused at an import; `notes` are served all the same: a fact that is
left out on purpose sends the guest to a colleague.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

from bot.hotel_files import HotelFile
from bot.texts import BadSentence, Moment, Texts, fill, placeholders

TOPIC, INTENT = "ask_", "intent_"  # of topics the assistant knows, and of the texts that name its readings
WANTED = {"money": "a whole number in fen (20000 for ¥200)", "clock": "a time such as 14:00"}


def mistakes(hotel: HotelFile) -> list[str]:
    """Facts of another kind than a topic's answer shows them as: such an answer can never be given."""
    facts, at = hotel.all_facts(), Moment(datetime(2026, 1, 1, tzinfo=UTC), hotel.zone)
    found: dict[str, None] = {}
    for name, topic in hotel.topics.items():
        for fact, spec in placeholders(topic.answer):
            if fact not in facts:
                continue
            try:
                fill(f"{{{fact}:{spec}}}", "zh", {}, facts, at)
            except (BadSentence, ValueError):
                wanted = WANTED.get(spec, f"a {spec}")
                told = f"{name} shows it as {{{fact}:{spec}}}, so it must be {wanted}"
                found[f"hotel.yml: facts: {fact}: is {facts[fact]!r}, but {told}"] = None
    return list(found)


def notes(hotel: HotelFile, texts: Mapping[str, Texts]) -> Iterator[str]:
    """Topics that no question leads to, placeholders that nothing fills, and an address of nowhere."""
    known = _known_topics(texts)
    for name in hotel.topics:
        if known and name.startswith(TOPIC) and name not in known:
            yield f"{name} is no topic the assistant knows{_nearest(name, known)}"
    for name, facts in hotel.unfilled().items():
        named = ", ".join(f"{fact}{_nearest(fact, hotel.all_facts())}" for fact in facts)
        yield f"{name} goes to a colleague: the hotel's files don't say {named}"
    if (urlsplit(hotel.privacy.url).hostname or "").endswith(".example"):  # a name that nobody can ever have
        yield f"privacy.url is still the sample's, which every guest is shown: {hotel.privacy.url}"


def _known_topics(texts: Mapping[str, Texts]) -> set[str]:
    keys = {key for one in texts.values() for key in one.sentences if key.startswith(INTENT + TOPIC)}
    return {key.removeprefix(INTENT) for key in keys}


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.8)
    return f" (did you mean {near[0]}?)" if near else ""
