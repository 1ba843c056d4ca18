"""The desk's API for what the assistant got wrong: marking it, and reviewing the marks (managers).

guard.guard_desk stands before it; that nobody reviews their own mark is a rule of bot.corrections.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import corrections
from bot.annotation import Place, places
from bot.conversation import Conversation
from bot.corrections import CannotCorrect, Desk, Kind, Marked, Verdict
from bot.http import views
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DISPATCH,
    HOTELS,
    Caller,
    Problem,
    caller,
    event_of,
    given_text,
    read_object,
    respond,
    seq_of,
)
from bot.http.views import lens_of
from bot.knowledge import DEFAULT_LANGUAGE
from bot.roles import Permission
from bot.store import members

PAGE = 50
OPEN = "open"
_STATUS = {"not_found": 404, "own_mark": 403, "others_mark": 403}
_BAD = ("bad_request", "unknown_intent", "same_intent", "nothing_read", "words_gone")

Choice = TypeVar("Choice", Kind, Verdict)
Work = Callable[[AsyncConnection], Awaitable[Conversation]]


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    event = hotel + r"/conversations/{conversation}/events/{seq:\d+}"
    app.router.add_get(f"{hotel}/intents", list_intents)
    app.router.add_get(f"{hotel}/corrections", list_marks)
    app.router.add_post(f"{event}/correct", mark)
    app.router.add_delete(f"{event}/correct", withdraw)
    app.router.add_post(f"{event}/review", review)


async def list_intents(request: web.Request) -> web.Response:
    """What a guest may have wanted, as staff call it, in every language of the desk."""
    texts = request.app[HOTELS].texts
    titles = {locale: corrections.intents(spoken) for locale, spoken in texts.items()}
    shown = [
        {"name": name, "titles": {locale: named.get(name, name) for locale, named in titles.items()}}
        for name in titles[DEFAULT_LANGUAGE]
    ]
    return respond({"intents": shown})


async def mark(request: web.Request) -> web.Response:
    body, at, seq = await read_object(request), _desk(request), _seq(request)
    kind, intent = _one_of(Kind, body.get("kind")), _intent(body)
    commit = request.app[DISPATCH].commit
    return await _carry_out(request, lambda tx: corrections.mark(tx, commit, at, seq, kind, intent))


async def withdraw(request: web.Request) -> web.Response:
    at, seq, commit = _desk(request), _seq(request), request.app[DISPATCH].commit
    return await _carry_out(request, lambda tx: corrections.withdraw(tx, commit, at, seq))


async def review(request: web.Request) -> web.Response:
    body, at, seq = await read_object(request), _desk(request), _seq(request)
    verdict, intent, number = _one_of(Verdict, body.get("verdict")), _intent(body), seq_of(body.get("mark"))
    commit, entities = request.app[DISPATCH].commit, _entities(body)
    return await _carry_out(
        request, lambda tx: corrections.review(tx, commit, at, seq, number, verdict, intent, entities)
    )


def _entities(body: dict[str, Any]) -> tuple[Place, ...] | None:
    """What stands in the guest's words; None, or left out: as they were read."""
    given = body.get("entities")
    if given is None:
        return None
    found = places(given)
    if not isinstance(given, list) or len(found) < len(given):
        raise Problem(400, "bad_request")  # no place, or one within another
    return found


def _desk(request: web.Request) -> Desk:
    me, (id_, _) = caller(request), event_of(request)
    known = corrections.intents(request.app[HOTELS].texts[DEFAULT_LANGUAGE])
    return Desk(
        me.hotel, id_, me.signed_in.staff.id, me.may(Permission.REVIEW), known, request.app[CLOCK].now()
    )


def _seq(request: web.Request) -> int:
    return event_of(request)[1]


def _intent(body: dict[str, Any]) -> str | None:
    return given_text(body, "intent", 64) or None


def _one_of(choices: type[Choice], value: object) -> Choice:
    try:
        return choices(str(value))
    except ValueError:
        raise Problem(400, "bad_request") from None


async def _carry_out(request: web.Request, work: Work) -> web.Response:
    """Do it in one transaction and tell every desk; the events that it added."""
    dispatch = request.app[DISPATCH]
    try:
        row = await dispatch.transact(work)
    except CannotCorrect as refused:
        status = 400 if refused.code in _BAD else _STATUS.get(refused.code, 409)
        raise Problem(status, refused.code) from None
    await dispatch.poke(row)
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        events = await views.show_events(tx, lens, row, row.seq - 1)
        shown = (await views.show_rows(tx, lens, [row]))[0]
    return respond({"conversation": shown, "event": events[0]})


# ---- the list for review


async def list_marks(request: web.Request) -> web.Response:
    """The marks of one state, newest first, a page at a time, with how many there are of each."""
    me, query = caller(request), request.query
    async with request.app[DATABASE].read() as tx:
        found = await corrections.read(tx, me.hotel)
        chosen = [marked for marked in found if _state(marked) == query.get("state", OPEN)]
        start = seq_of(query.get("after"))
        page = chosen[start : start + PAGE]
        names = await members.names_of(tx, {id_ for marked in page for id_ in _people(marked)})
    counts = Counter(_state(marked) for marked in found)
    return respond(
        {
            "corrections": [_shown(marked, names, me) for marked in page],
            "counts": {state: counts[state] for state in (OPEN, *Verdict)},
            "next": start + PAGE if len(chosen) > start + PAGE else None,
        }
    )


def _state(marked: Marked) -> str:
    return marked.mark.review.verdict if marked.mark.review else OPEN


def _people(marked: Marked) -> list[str]:
    review_ = marked.mark.review
    return [marked.mark.by, *([review_.by] if review_ else [])]


def _shown(marked: Marked, names: dict[str, str], me: Caller) -> dict[str, Any]:
    m = marked.mark
    return {
        "conversation": m.conversation,
        "seq": m.seq,
        "mark": m.number,
        "kind": m.kind,
        "words": list(marked.words),
        "answer": marked.answer,
        "intent_was": m.intent_was,
        "confidence": marked.confidence,
        "intent": m.intent,
        "by": {"id": m.by, "name": names.get(m.by, "")},
        "at": m.at,
        "own": m.by == me.signed_in.staff.id,
        "entities": [asdict(place) for place in marked.entities],
        "review": _review(m.review, names),
    }


def _review(found: corrections.Review | None, names: dict[str, str]) -> dict[str, Any] | None:
    if found is None:
        return None
    by = {"id": found.by, "name": names.get(found.by, "")}
    return {"verdict": found.verdict, "intent": found.intent, "by": by, "at": found.at}
