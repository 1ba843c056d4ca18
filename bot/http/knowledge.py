"""The desk's API for knowledge: points, their approval, files of them, and questions that found no answer.

guard.guard_desk stands before it; that nobody approves what they edited is a rule of bot.knowledge.rules.
"""

import asyncio
from collections import Counter
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.exc import IntegrityError

from bot.channels import CHANNELS
from bot.engine import EngineFailed
from bot.facts import stranger, told_by_a_stranger
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
    text_of,
)
from bot.http.wechat import WORKER
from bot.ids import new_id
from bot.knowledge import Hotel, daily, facts, files, rules, unanswered
from bot.knowledge.precedence import Precedence, precedence
from bot.knowledge.rules import PointState, Refused, state_of
from bot.model import ConversationId, EventType
from bot.store import audits, log, members, points
from bot.store.points import Entry, Mark, Point, PointId, Version
from bot.texts import BadSentence, MissingValue

MAX_FILE = 20_000_000
SHOWN = 200  # changes and mistakes of a file that the page shows
PAGE = 50
ASKED = 20  # ways to ask that are tried on the assistant at once
PORTION = 500  # points written in one transaction, so that guests wait for none of it
LOOKED_BACK = timedelta(days=30)
# How far this process is with each import: (hotel, who) to rows taken and rows to take.
TAKEN = web.AppKey("taken", dict[tuple[str, str], tuple[int, int]])
_STATUS = {"unknown_point": 404, "own_edit": 403}


def add_routes(app: web.Application) -> None:
    base = "/desk/v1/hotels/{hotel}/knowledge"
    one, event = f"{base}/points/{{point}}", "/desk/v1/hotels/{hotel}/conversations/{conversation}/events"
    app.router.add_get(base, overview)
    app.router.add_post(f"{base}/points", create)
    app.router.add_get(one, show)
    app.router.add_post(one, edit)
    app.router.add_post(f"{one}/approve", approve)
    app.router.add_post(f"{one}/retire", retire)
    app.router.add_post(f"{base}/approve", approve_many)
    app.router.add_post(f"{base}/preview", preview)
    app.router.add_post(f"{base}/precedence", show_precedence)
    app.router.add_post(f"{base}/import", take_file)
    app.router.add_get(f"{base}/import", taking)
    app[TAKEN] = {}
    app.router.add_get(f"{base}/export", export)
    app.router.add_get(f"{base}/questions", questions)
    app.router.add_post(f"{base}/questions/settle", settle)
    app.router.add_post(event + r"/{seq:\d+}/draft", draft)


async def _hotel(request: web.Request, tx: Any) -> Hotel:
    return await request.app[HOTELS].get(tx, caller(request).hotel)


def _now(request: web.Request) -> datetime:
    return request.app[CLOCK].now()


def _problem(refused: Refused) -> Problem:
    status = 400 if refused.code.startswith("point_") else _STATUS.get(refused.code, 409)
    return Problem(status, "not_found" if status == 404 else refused.code, **refused.values)


# ---- looking


async def overview(request: web.Request) -> web.Response:
    """The list, filtered by state, topic and words, a page at a time; and how many there are of each."""
    query, me = request.query, caller(request)
    async with request.app[DATABASE].read() as tx:
        hotel = await _hotel(request, tx)
        known = await points.list_points(tx, me.hotel)
        today = hotel.today(_now(request))
        stated = [(point, state_of(point, today)) for point in known]
        counts = Counter(state for _, state in stated)
        chosen = sorted((pair for pair in stated if _chosen(*pair, query)), key=_order)
        start = seq_of(query.get("after"))
        page = chosen[start : start + PAGE]
        names = await _names(tx, [point for point, _ in page])
    return respond(
        {
            "points": [_listed(point, state, hotel, names, _now(request)) for point, state in page],
            "total": len(chosen),
            "next": start + PAGE if len(chosen) > start + PAGE else None,
            "counts": {state: counts[state] for state in PointState},
            "topics": _topics(known),
            "channels": sorted(CHANNELS),
            "facts": _facts(hotel, known),
            "indexing": _indexing(request, hotel),
        }
    )


def _topics(known: list[Point]) -> list[dict[str, str]]:
    """Topics by name, each with the title of its own answer, which is what people call it."""
    titles = {str(p.id): p.latest.entry.title for p in known}
    names = {p.latest.entry.topic for p in known if p.latest.entry.topic}
    return [{"name": name, "title": titles.get(name, name)} for name in sorted(names)]


def _listed(
    point: Point, state: PointState, hotel: Hotel, names: dict[str, str], now: datetime
) -> dict[str, Any]:
    """A row with its answer as a guest would read it, where nothing is missing."""
    said = _preview(hotel, point.latest.entry.answer, now)["text"]
    return _row(point, state, hotel, names) | {"said": said}


_URGENCY = (PointState.CHANGED, PointState.DRAFT, PointState.EXPIRED, PointState.EXPIRING)


def _order(pair: tuple[Point, PointState]) -> tuple[int, float]:
    """What waits for somebody first, then what was changed last."""
    point, state = pair
    urgency = _URGENCY.index(state) if state in _URGENCY else len(_URGENCY)
    return urgency + (state is PointState.RETIRED), -point.changed_at.timestamp()


def _chosen(point: Point, state: PointState, query: Any) -> bool:
    entry, words = point.latest.entry, query.get("q", "").strip().lower()
    wanted = [part for part in query.get("state", "").split(",") if part]
    if (wanted and state not in wanted) or (not wanted and state is PointState.RETIRED):
        return False
    if query.get("topic") and entry.topic != query["topic"]:
        return False
    return not words or any(words in t.lower() for t in (entry.title, *entry.variants, entry.answer))


def _indexing(request: web.Request, hotel: Hotel) -> dict[str, int]:
    library = request.app[DISPATCH].library
    done, of = library.progress(hotel.id) if library else (0, 0)
    return {"done": done, "of": of}


def _facts(hotel: Hotel, known: list[Point]) -> list[dict[str, str]]:
    uses = facts.uses_of(hotel, known, ())
    kinds = {name: facts.kind_of(name, value, uses.get(name, ())) for name, value in hotel.facts.items()}
    return [
        {
            "placeholder": facts.placeholder(name, kinds[name]),
            "label": facts.label(hotel, name),
            "value": facts.written(kinds[name], value),
        }
        for name, value in hotel.facts.items()
    ]


async def _names(tx: Any, shown: list[Point]) -> dict[str, str]:
    versions = [v for p in shown for v in (p.latest, p.approved) if v]
    ids = {str(id_) for v in versions for id_ in (v.edited_by, v.approved_by) if id_}
    return await members.names_of(tx, ids | {str(p.retired_by) for p in shown if p.retired_by})


def _row(point: Point, state: PointState, hotel: Hotel, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": point.id,
        "state": state,
        "latest": _version(point.latest, names),
        "approved": point.approved.number if point.approved else None,
        "missing": rules.missing(point.latest.entry, hotel.facts),
        "retired_at": point.retired_at,
        "retired_by": names.get(point.retired_by or ""),
        "changed_at": point.changed_at,
    }


def _version(version: Version, names: dict[str, str]) -> dict[str, Any]:
    entry = asdict(version.entry)
    days = {name: entry[name].isoformat() if entry[name] else None for name in ("valid_from", "valid_to")}
    return {
        **entry,
        **days,
        "version": version.number,
        "source": version.source,
        "edited_at": version.edited_at,
        "edited_by": _person(version.edited_by, names),
        "approved_at": version.approved_at,
        "approved_by": _person(version.approved_by, names),
    }


def _person(id_: str | None, names: dict[str, str]) -> dict[str, str] | None:
    return {"id": id_, "name": names.get(id_, "")} if id_ else None


async def show(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, PointId(request.match_info["point"])))


async def _shown(request: web.Request, tx: Any, id_: PointId) -> dict[str, Any]:
    """A point, all its versions, and its answer as guests read it."""
    me, hotel = caller(request), await _hotel(request, tx)
    point = await points.point_of(tx, me.hotel, id_)
    if point is None:
        raise Problem(404, "not_found")
    versions = await points.history(tx, me.hotel, id_)
    ids = {str(i) for v in versions for i in (v.edited_by, v.approved_by, point.retired_by) if i}
    names = await members.names_of(tx, ids)
    return {
        "point": _row(point, state_of(point, hotel.today(_now(request))), hotel, names),
        "versions": [_version(version, names) for version in versions],
        "preview": _preview(hotel, point.latest.entry.answer, _now(request)),
        "told": _preview(hotel, point.approved.entry.answer, _now(request)) if point.approved else None,
    }


def _preview(hotel: Hotel, answer: str, now: datetime) -> dict[str, Any]:
    """What a guest would read; None where a fact is missing or the template is broken, and which."""
    entry = Entry("", answer)
    missing = rules.missing(entry, hotel.facts)
    try:
        text = hotel.texts.fill(answer, {}, facts=hotel.facts, now=now, zone=hotel.zone)
    except MissingValue:
        return {"text": None, "missing": missing, "broken": None}
    except BadSentence as error:
        return {"text": None, "missing": missing, "broken": str(error)}
    return {"text": rules.masked(text), "missing": [], "broken": None}


async def preview(request: web.Request) -> web.Response:
    body = await read_object(request)
    answer = text_of(body, "answer", rules.ANSWER * 2, required=False)
    async with request.app[DATABASE].read() as tx:
        return respond(_preview(await _hotel(request, tx), answer, _now(request)))


async def show_precedence(request: web.Request) -> web.Response:
    """`{"texts"}`: which of these words something else goes before, and what. `asked` is false where the
    assistant didn't answer, so that nothing is known."""
    given = (await read_object(request)).get("texts")
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Problem(400, "bad_request")
    said = [text for text in dict.fromkeys(one.strip()[: rules.VARIANT] for one in given) if text][:ASKED]
    async with request.app[DATABASE].read() as tx:
        hotel = await _hotel(request, tx)
    try:
        found = [await _precedence(request, hotel, text) for text in said]
    except EngineFailed:
        return respond({"asked": False, "before": []})
    return respond({"asked": True, "before": [asdict(one) for one in found if one]})


async def _precedence(request: web.Request, hotel: Hotel, text: str) -> Precedence | None:
    now = _now(request)
    told = told_by_a_stranger(hotel, stranger(hotel, now), now)
    return precedence(text, await request.app[WORKER].engine.ask(text, None, told), hotel)


# ---- writing


def _entry(body: dict[str, Any]) -> Entry:
    """What the editor sends; raises Problem for what no editor of ours sends."""
    return Entry(
        text_of(body, "title", rules.TITLE * 2, required=False),
        text_of(body, "answer", rules.ANSWER * 2, required=False),
        _list(body, "variants"),
        given_text(body, "topic", 64) or None,
        _day(body, "valid_from"),
        _day(body, "valid_to"),
        _list(body, "channels"),
    )


def _list(body: dict[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name) or []
    if not isinstance(value, list) or len(value) > 2 * rules.VARIANTS:
        raise Problem(400, "bad_request")
    return tuple(text_of({name: one}, name, rules.VARIANT * 2, required=False) for one in value)


def _day(body: dict[str, Any], name: str) -> date | None:
    value = given_text(body, name, 10)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise Problem(400, "bad_request") from None


async def create(request: web.Request) -> web.Response:
    body = await read_object(request)
    id_ = await _write(request, rules.new_point_id(), _entry(body), None, "desk")
    await _settle(request, body.get("questions"), id_)
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, id_), 201)


async def edit(request: web.Request) -> web.Response:
    body, id_ = await read_object(request), PointId(request.match_info["point"])
    async with request.app[DATABASE].read() as tx:
        await _shown(request, tx, id_)
    await _write(request, id_, _entry(body), seq_of(body.get("base")), "desk")
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, id_))


async def _write(request: web.Request, id_: PointId, entry: Entry, base: int | None, source: str) -> PointId:
    me = caller(request)
    by = me.signed_in.staff.id
    try:
        async with request.app[DATABASE].write() as tx:
            await rules.edit(tx, me.hotel, id_, entry, by, _now(request), source, base)
    except Refused as refused:
        raise _problem(refused) from None
    except IntegrityError:
        raise Problem(409, "outdated") from None
    return id_


async def approve(request: web.Request) -> web.Response:
    body, id_ = await read_object(request), PointId(request.match_info["point"])
    try:
        await _approve(request, id_, seq_of(body.get("version")))
    except Refused as refused:
        raise _problem(refused) from None
    async with request.app[DATABASE].read() as tx:
        await _reindex(request, tx)
        return respond(await _shown(request, tx, id_))


async def _approve(request: web.Request, id_: PointId, number: int) -> None:
    me, now = caller(request), _now(request)
    by = me.signed_in.staff.id
    async with request.app[DATABASE].write() as tx:
        await rules.approve(tx, me.hotel, id_, number, by, now)
        await audits.record(tx, me.hotel, new_id(), now, by, "point_approved", f"{id_}@{number}")


async def approve_many(request: web.Request) -> web.Response:
    """Approve what is named; what can't be is told, one by one, and the rest goes on."""
    body = await read_object(request)
    wanted = body.get("points")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise Problem(400, "bad_request")
    approved, refused = 0, Counter[str]()
    for one in wanted[: files.MOST]:
        try:
            await _approve(request, PointId(str(one.get("id"))), seq_of(one.get("version")))
            approved += 1
        except Refused as why:
            refused[why.code] += 1
    async with request.app[DATABASE].read() as tx:
        await _reindex(request, tx)
    return respond({"approved": approved, "refused": dict(refused)})


async def _reindex(request: web.Request, tx: Any) -> None:
    """Begin at once, so that the first guest who asks finds it."""
    library = request.app[DISPATCH].library
    if library:
        library.refresh(await _hotel(request, tx))


async def retire(request: web.Request) -> web.Response:
    body, me, id_ = await read_object(request), caller(request), PointId(request.match_info["point"])
    gone = body.get("gone", True) is not False
    by, now = me.signed_in.staff.id, _now(request)
    async with request.app[DATABASE].write() as tx:
        await _shown(request, tx, id_)
        await points.retire(tx, me.hotel, id_, by, now, gone)
        action = "point_retired" if gone else "point_restored"
        await audits.record(tx, me.hotel, new_id(), now, by, action, id_)
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, id_))


# ---- files


async def take_file(request: web.Request) -> web.Response:
    """A file of points: `dry=1` shows what it would change; else its lines become drafts."""
    me = caller(request)
    try:
        # In a thread: reading tens of thousands of rows takes seconds, and guests are served meanwhile.
        content = await _body(request)
        lines, wrong = await asyncio.to_thread(files.read, request.query.get("name", ""), content)
    except files.BadFile as error:
        raise Problem(400, error.code, **error.values) from None
    async with request.app[DATABASE].read() as tx:
        known = await points.list_points(tx, me.hotel)
    plan = await asyncio.to_thread(files.plan, lines, wrong, known)
    if request.query.get("dry") != "1":
        await _take(request, me, plan)
    return respond(_plan(request, plan))


async def _body(request: web.Request) -> bytes:
    """A file may be larger than any other body."""
    parts, size = [], 0
    async for part in request.content.iter_chunked(1 << 16):
        size += len(part)
        if size > MAX_FILE:
            raise Problem(413, "too_large")
        parts.append(part)
    return b"".join(parts)


async def _take(request: web.Request, me: Caller, plan: files.Plan) -> None:
    by, now = me.signed_in.staff.id, _now(request)
    versions = files.versions_of(plan, by, now)
    taken, key = request.app[TAKEN], (me.hotel, by)
    try:
        for at in range(0, len(versions), PORTION):
            taken[key] = (at, len(versions))
            async with request.app[DATABASE].write() as tx:
                await points.add_versions(tx, me.hotel, versions[at : at + PORTION], now)
    except IntegrityError:
        raise Problem(409, "outdated") from None
    finally:
        taken.pop(key, None)


async def taking(request: web.Request) -> web.Response:
    """How far the caller's own import is; of 0 where this process knows of none."""
    me = caller(request)
    done, of = request.app[TAKEN].get((me.hotel, me.signed_in.staff.id), (0, 0))
    return respond({"done": done, "of": of})


def _plan(request: web.Request, plan: files.Plan) -> dict[str, Any]:
    texts, now = request.app[HOTELS].texts["zh"], _now(request)

    def said(wrong: files.Wrong) -> str:
        return texts.render(f"errors_{wrong.code}", wrong.values, facts={}, now=now, zone=now.tzinfo)  # type: ignore[arg-type]

    return {
        "new": plan.new,
        "changed": len(plan.changes) - plan.new,
        "unchanged": plan.unchanged,
        "wrong": [{"row": w.number, "message": said(w)} for w in plan.wrong[:SHOWN]],
        "wrong_count": len(plan.wrong),
        "changes": [_change(change) for change in plan.changes[:SHOWN]],
    }


def _change(change: files.Change) -> dict[str, Any]:
    return {
        "row": change.line.number,
        "id": change.point,
        "title": change.line.entry.title,
        "fields": [_field(change, name) for name in change.fields],
        "answer": change.line.entry.answer,
        "is_new": change.before is None,
    }


def _field(change: files.Change, name: str) -> dict[str, str]:
    assert change.before
    old, new = change.before.latest.entry, change.line.entry
    return {"name": name, "before": _plain(getattr(old, name)), "after": _plain(getattr(new, name))}


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "、".join(value)
    return "" if value is None else str(value)


async def export(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        known = await points.list_points(tx, caller(request).hotel)
    content = files.as_csv([point for point in known if not point.retired_at])
    headers = {"Content-Disposition": 'attachment; filename="knowledge.csv"'}
    # The mark at the beginning tells Excel that it is UTF-8.
    return web.Response(
        body=b"\xef\xbb\xbf" + content.encode(), content_type="text/csv", charset="utf-8", headers=headers
    )


# ---- questions that found no answer


async def questions(request: web.Request) -> web.Response:
    me, now = caller(request), _now(request)
    async with request.app[DATABASE].read() as tx:
        hotel = await _hotel(request, tx)
        asked = await unanswered.read(tx, me.hotel, now - LOOKED_BACK)
    library = request.app[DISPATCH].library
    groups = [[one] for one in asked]
    if library:
        groups = await unanswered.grouped(library, hotel, asked)
    shown = [{"text": group[0].text, "questions": [asdict(one) for one in group]} for group in groups]
    fresh = len(daily.of_yesterday(asked, hotel, now))
    return respond({"groups": shown, "since": now - LOOKED_BACK, "yesterday": fresh})


async def settle(request: web.Request) -> web.Response:
    """These questions are dealt with, or need no answer."""
    body = await read_object(request)
    return respond({"settled": await _settle(request, body.get("questions"), None)})


async def _settle(request: web.Request, named: object, point: PointId | None) -> int:
    me, now = caller(request), _now(request)
    if not isinstance(named, list):
        return 0
    keys = [(ConversationId(str(one.get("conversation"))), seq_of(one.get("seq"))) for one in named]
    async with request.app[DATABASE].write() as tx:
        for conversation, seq in keys:
            if await log.event_of(tx, me.hotel, conversation, seq) is None:
                raise Problem(404, "not_found")
            mark = Mark(conversation, seq, unanswered.SETTLED, me.signed_in.staff.id, now, point)
            await points.mark_question(tx, me.hotel, mark)
    return len(keys)


async def draft(request: web.Request) -> web.Response:
    """A colleague's good answer becomes a draft point: the guest's question and the reply to it."""
    me, (conversation, seq) = caller(request), event_of(request)
    async with request.app[DATABASE].read() as tx:
        thread = await log.read_thread(tx, me.hotel, conversation, after=max(0, seq - unanswered.BEFORE))
    said = next((c for e, c in thread if e.seq == seq and e.type is EventType.STAFF_SAID), None)
    if said is None or not said.text:
        raise Problem(404, "not_found")
    entry = _drafted(unanswered.question_before(thread, seq), said.text)
    id_ = await _write(request, rules.new_point_id(), entry, None, "reply")
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, id_), 201)


def _drafted(question: str, reply: str) -> Entry:
    """The last line of what was asked as the title. Braces of people's words are no placeholders."""
    asked = [line.strip() for line in question.splitlines() if line.strip()]
    title = (asked[-1] if asked else reply)[: rules.TITLE]
    answer = reply[: rules.ANSWER // 2].replace("{", "{{").replace("}", "}}")
    return Entry(title, answer)
