"""今日: a hotel's day for its manager, five numbers and the lists that they lead to. Reads the log only."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import targets
from bot.conversation import Conversation
from bot.http.guard import DATABASE, Problem, respond
from bot.http.views import Lens, lens_of, show_guests
from bot.knowledge import unanswered
from bot.model import ConversationId, Event, EventType, HotelId
from bot.store import days, drafts, log, members
from bot.store.days import Asked, Flagged, Rated
from bot.store.drafts import Drafted

LISTED = 100
QUESTIONS = 20
SENTENCE = 200


def add_routes(app: web.Application) -> None:
    app.router.add_get("/desk/v1/hotels/{hotel}/today", show)


async def show(request: web.Request) -> web.Response:
    """`?day=2026-11-22` shows another day of the hotel's."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        today = lens.hotel.today(lens.now)
        day = _day(request.query.get("day"), today)
        shown = await _numbers(tx, lens, day) | await _lists(tx, lens, day)
        before = await _numbers(tx, lens, day - timedelta(days=1))
    return respond(
        {
            "day": day.isoformat(),
            "today": today.isoformat(),
            "now": lens.now,
            "numbers": shown.pop("numbers"),
            "before": before["numbers"],
            **shown,
        }
    )


def _day(asked: str | None, today: date) -> date:
    try:
        day = date.fromisoformat(asked) if asked else today
    except ValueError:
        raise Problem(400, "bad_request") from None
    if not today - timedelta(days=3660) < day <= today:
        raise Problem(400, "bad_request")
    return day


def span(lens: Lens, day: date) -> tuple[datetime, datetime]:
    """When the day began and when it ends, by the hotel's clock."""
    start = datetime.combine(day, time(), lens.hotel.zone)
    return start, datetime.combine(day + timedelta(days=1), time(), lens.hotel.zone)


async def _numbers(tx: AsyncConnection, lens: Lens, day: date) -> dict[str, Any]:
    hotel, bounds = lens.hotel.id, span(lens, day)
    spoken = await days.spoken(tx, hotel, *bounds)
    waits = await _waits(tx, lens, await days.asked(tx, hotel, *bounds))
    unsure = await days.unsure(tx, hotel, *bounds)
    guests, _ = await days.talks(tx, hotel, *bounds, 0)
    hours = [dict.fromkeys(("guest", "assistant", "staff"), 0) for _ in range(24)]
    for one in spoken:
        hours[one.at.astimezone(lens.hotel.zone).hour][_WHO[one.type]] += one.count
    return {
        "numbers": {
            "messages": sum(hour["guest"] for hour in hours),
            "guests": guests,
            "answered": sum((await days.answered(tx, hotel, *bounds)).values()),
            "handed_over": len(waits),
            "longest_wait": max((wait["seconds"] for wait in waits), default=None),
            "unclear": len(unsure),
        },
        "hours": hours,
    }


_WHO = {
    EventType.GUEST_SAID: "guest",
    EventType.ASSISTANT_SAID: "assistant",
    EventType.STAFF_SAID: "staff",
}


async def _waits(tx: AsyncConnection, lens: Lens, asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Who waited for a person how long, and who came; one that goes on is counted until now."""
    heard = await log.messages_of(tx, lens.hotel.id, [(a.conversation, a.heard) for a in asked if a.heard])
    return [_wait(one, heard[one.conversation, one.heard][0] if one.heard else None, lens) for one in asked]


def _wait(one: Asked, heard: Event | None, lens: Lens) -> dict[str, Any]:
    until = heard.at if heard else lens.now
    return {
        "conversation": one.conversation,
        "seq": one.seq,
        "at": one.at,
        "reason": one.reason,
        "seconds": max(0, int((until - one.at).total_seconds())),
        "waiting": heard is None,
        "by": heard.actor.id if heard and heard.type is EventType.STAFF_SAID else None,
    }


async def _lists(tx: AsyncConnection, lens: Lens, day: date) -> dict[str, Any]:
    hotel, bounds = lens.hotel.id, span(lens, day)
    waits = await _waits(tx, lens, await days.asked(tx, hotel, *bounds))
    _, talks = await days.talks(tx, hotel, *bounds, LISTED)
    unsure = (await days.unsure(tx, hotel, *bounds))[-LISTED:][::-1]
    rated = await days.rated(tx, hotel, *bounds)
    flagged = (await days.flagged(tx, hotel, *bounds))[:LISTED]
    drafted = await drafts.drafted(tx, hotel, *bounds)
    questions = [q for q in await unanswered.read(tx, hotel, bounds[0]) if q.at < bounds[1]]
    longest = sorted(waits, key=lambda wait: -wait["seconds"])[:LISTED]
    names = await members.names_of(
        tx, {w["by"] for w in longest if w["by"]} | {o.by for o in flagged} | {d.author for d in drafted}
    )
    rows = await days.rows_of(
        tx,
        hotel,
        [t.conversation for t in talks]
        + [w["conversation"] for w in longest]
        + [u.conversation for u in unsure]
        + [q.conversation for q in questions]
        + [r.conversation for r in rated]
        + [f.conversation for f in flagged],
    )
    guests = await show_guests(tx, lens, list(rows.values()))
    steps = await days.steps(tx, hotel, targets.STEPS, *bounds)
    quoted: list[Rated | Flagged] = [*rated[:LISTED], *flagged]
    said = {one: await _sentence(tx, hotel, one) for one in quoted}

    def who(conversation: ConversationId) -> dict[str, Any]:
        return {"conversation": conversation, "guest": guests[conversation]}

    return {
        "talks": [{**who(t.conversation), "seq": t.seq, "count": t.count, "at": t.at} for t in talks],
        "answers": await days.answered(tx, hotel, *bounds),
        "waits": [{**w, **who(w["conversation"]), "by": names.get(w["by"] or "")} for w in longest],
        "unclear": [
            {**who(u.conversation), "seq": u.seq, "at": u.at, "open": _open(rows[u.conversation], u.seq)}
            for u in unsure
        ],
        "questions": [
            {**who(q.conversation), "seq": q.seq, "at": q.at, "why": q.why, "text": q.text[:200]}
            for q in questions[:QUESTIONS]
        ],
        "questions_total": len(questions),
        "trainees": _trainees(drafted, names),
        "ratings": [
            {**who(r.conversation), "seq": r.seq, "at": r.at, "stars": r.stars, "text": said.get(r)}
            for r in rated[:LISTED]
        ],
        "stars": round(sum(r.stars for r in rated) / len(rated), 1) if rated else None,
        "ratings_total": len(rated),
        "clocks": _clocks(lens, steps, bounds[1]),
        "flags": [
            {
                **who(f.conversation),
                "seq": f.seq,
                "at": f.at,
                "kinds": f.kinds,
                "by": names.get(f.by),
                "text": said.get(f),
            }
            for f in flagged
        ],
    }


def _clocks(lens: Lens, steps: Sequence[Event], end: datetime) -> list[dict[str, Any]]:
    """How soon people were there, by department; cases that began on the day."""
    cases = [
        case
        for _, mine in groupby(steps, key=lambda event: event.conversation)
        for case in targets.cases(mine)
        if case.needed_at < end
    ]
    ours = lens.hotel.file.clocks
    return [
        {
            "department": name,
            "name": ours.all.all[name].name if name and name in ours.all.all else None,
            **{clock: _figure(figure) for clock, figure in found.items()},
        }
        for name, found in targets.figures(cases, ours, lens.now).items()
    ]


def _figure(one: targets.Figure) -> dict[str, Any]:
    """Seconds."""
    return {
        "target": int(one.target.total_seconds()) if one.target else None,
        "median": int(one.median.total_seconds()) if one.median is not None else None,
        "count": one.count,
        "in_time": one.in_time,
    }


async def _sentence(tx: AsyncConnection, hotel: HotelId, said: Rated | Flagged) -> str | None:
    content = await log.content_of(tx, hotel, said.conversation, said.seq)
    return content.text[:SENTENCE] if content and content.text else None


def _trainees(drafted: Sequence[Drafted], names: dict[str, str]) -> list[dict[str, Any]]:
    """How many replies each trainee drafted, by what became of them."""
    by_author: dict[str, Counter[str]] = {}
    for one in drafted:
        by_author.setdefault(one.author, Counter())[one.outcome] += 1
    return [
        {"name": names.get(author, ""), "drafted": sum(counts.values())}
        | {outcome: counts[outcome] for outcome in (drafts.SENT, drafts.EDITED, drafts.REFUSED, drafts.OPEN)}
        for author, counts in sorted(by_author.items(), key=lambda item: names.get(item[0], ""))
    ]


def _open(row: Conversation, seq: int) -> bool:
    return seq in row.unclear
