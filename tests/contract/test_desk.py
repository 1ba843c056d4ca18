"""The desk's API on the real application, on both databases: searching, handing over, the way of a reply, a
hotel's day, and the time of the service."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from bot import orders, staff
from bot.conversation import Record
from bot.http.guard import DATABASE, DISPATCH
from bot.model import (
    ASSISTANT,
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    EventType,
    GuestId,
    HotelId,
    NewEvent,
    Order,
)
from bot.store import days, log, people
from bot.store.schema import stamp
from tests.conftest import SettingsMaker, only_on_sqlite
from tests.contract.site import ONE, SOON, TWO, Browser, Site, frames, serving
from tests.servers import free_port

ID_CARD = "11010119900307803X"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_HASHER", quick)


@pytest.fixture
async def site(database_url: str, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    url = f"http://127.0.0.1:{free_port()}"
    settings = make_settings(DATABASE_URL=database_url, RASA_URL=url, FRONTEND_DIR=tmp_path, **SOON)
    async with serving(settings) as made:
        yield made


async def guest(site: Site, letter: str, words: str) -> str:
    """A new guest who has said this, and been heard to need a person; the id of the conversation."""
    visitor = await site.browser()
    key = hashlib.sha256(f"{letter}{words}".encode()).hexdigest()[:40]
    status, _ = await visitor.send(words, key, letter * 43)
    assert status == 200
    newest = "SELECT conversation_id FROM identities ORDER BY created_at DESC, identity_id DESC LIMIT 1"
    conversation = str((await site.sql(newest))[0][0])
    for _ in range(200):
        found = await site.sql(f"SELECT state FROM conversations WHERE conversation_id = '{conversation}'")
        if found[0][0] == "WAITING":
            return conversation
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked for")


async def search(browser: Browser, words: str, **more: Any) -> tuple[list[dict[str, Any]], str | None]:
    status, found = await browser.desk("POST", "search", {"q": words, **more})
    assert status == 200, found
    return found["conversations"], found["next"]


async def ids(browser: Browser, words: str) -> set[str]:
    return {row["id"] for row in (await search(browser, words))[0]}


async def place(site: Site, conversation: str, **slots: str) -> None:
    order = Order("place", "request_supplies", slots)
    events = orders.events_of((order,), [], None, datetime.now(UTC))
    dispatch = site.app[DISPATCH]
    await dispatch.act(HotelId(ONE), ConversationId(conversation), lambda row, gone: Record(tuple(events)))


async def test_conversations_are_found_by_words_names_and_rooms(site: Site) -> None:
    one, two = await guest(site, "a", "我的 Umbrella 忘在大堂了"), await guest(site, "b", "泳池 100% 开吗")
    agent = await site.signed_in()
    (row,), following = await search(agent, "umbrella")
    assert (row["id"], following) == (one, None)
    assert "Umbrella" in row["found"]["text"]
    said = await site.sql(
        f"SELECT text FROM contents WHERE conversation_id = '{one}' AND seq = {row['found']['seq']}"
    )
    assert said[0][0] == "我的 Umbrella 忘在大堂了"
    assert await ids(agent, "100%") == {two}
    assert await ids(agent, "1%0") == set()  # a sign, not a pattern
    await agent.desk("POST", f"conversations/{two}/note", {"text": "带小孩的那位", "client_id": "n1"})
    assert await ids(agent, "小孩") == {two}
    await place(site, two, room="1506", what="两条毛巾")
    (row,), _ = await search(agent, "1506")
    assert (row["id"], row["found"]["text"]) == (two, "1506 两条毛巾")
    assert await ids(agent, "毛巾") == {two}
    await place(site, one, room="9999", what="雨伞", room_unknown="9999")
    _, listed = await agent.desk("GET", "orders")
    assert {one["what"] for one in listed["orders"]} == {"两条毛巾", "雨伞 · 房号没有查到，请核实"}
    assert await ids(agent, "what") == set()  # how the row is written down isn't what was said
    await site.sql(
        "UPDATE guests SET name = '欧阳女士', room = '0808' WHERE guest_id IN "
        f"(SELECT guest_id FROM conversations WHERE conversation_id = '{one}')"
    )
    assert await ids(agent, "欧阳") == {one}
    assert await ids(agent, "0808") == {one}
    assert await ids(agent, "您好") == set()  # what the assistant says to everybody


async def test_a_sealed_number_is_never_found(site: Site) -> None:
    one = await guest(site, "a", f"我的身份证 {ID_CARD}")
    agent = await site.signed_in()
    assert await ids(agent, "身份证") == {one}
    assert await ids(agent, ID_CARD) == set()
    assert await ids(agent, ID_CARD[6:14]) == set()


async def test_nothing_of_another_hotel_is_found(site: Site) -> None:
    await guest(site, "a", "只在这一家")
    far = await site.signed_in("far")
    status, found = await far.desk("POST", "search", {"q": "只在这一家"}, TWO)
    assert (status, found["conversations"]) == (200, [])


async def test_what_was_found_comes_page_by_page(site: Site) -> None:
    made = [await guest(site, letter, "同样的话") for letter in "abcde"]
    agent = await site.signed_in()
    seen: list[str] = []
    following: str | None = None
    while True:
        rows, following = await search(agent, "同样的话", after=following, limit=2)
        seen += [row["id"] for row in rows]
        if following is None:
            break
    assert seen == made[::-1]
    for wrong in ("x", "2026-11-22T00:00:00", 7):
        status, _ = await agent.desk("POST", "search", {"q": "同样", "after": wrong})
        assert status == (200 if wrong == 7 else 400), wrong
    assert (await agent.desk("POST", "search", {"q": " "}))[0] == 400


async def test_every_frame_tells_the_time(site: Site) -> None:
    one = await guest(site, "a", "几点了")
    agent = await site.signed_in()
    feed = await agent.feed(follow={one: 0})
    heard = await frames(feed, "events")
    await feed.send_json({"type": "ping"})
    heard += await frames(feed, "pong")
    for frame in heard:
        off = datetime.now(UTC) - datetime.fromisoformat(frame["now"])
        assert timedelta() <= off < timedelta(minutes=1), frame["type"]
    status, polled = await agent.desk("GET", f"feed/poll?follow={one}:0")
    assert status == 200
    assert polled["now"] >= heard[-1]["now"]
    assert all(frame["now"] for frame in polled["frames"])
    await feed.close()


# ---- handing over to a colleague


async def person(site: Site, login: str) -> str:
    return str((await site.sql(f"SELECT staff_id FROM staff WHERE login = '{login}'"))[0][0])


async def handed(
    browser: Browser, conversation: str, to: str, client_id: str, note: str = ""
) -> tuple[int, Any]:
    body = {"to": to, "note": note, "client_id": client_id}
    return await browser.desk("POST", f"conversations/{conversation}/transfer", body)


async def test_a_conversation_is_handed_to_a_colleague_with_a_note(site: Site) -> None:
    one, admin = await guest(site, "a", "找人"), await person(site, "admin")
    agent, boss = await site.signed_in("agent"), await site.signed_in("admin")
    assert (await handed(agent, one, admin, "t0"))[0] == 409  # nobody holds it
    await agent.desk("POST", f"conversations/{one}/claim", {})
    status, found = await agent.desk("GET", "colleagues")
    assert status == 200
    names = {c["name"]: (c["signed_in"], c["holds"]) for c in found["colleagues"]}
    assert names == {"员工admin": (True, 0), "员工new": (False, 0)}  # oneself and other hotels' aren't there
    status, found = await handed(agent, one, admin, "t1", f"请退 88 元，身份证 {ID_CARD}")
    assert status == 200, found
    again, _ = await handed(agent, one, admin, "t1", "x")
    assert again == 200  # asked twice: done once
    (row,) = (await boss.desk("GET", "conversations?mine=1"))[1]["conversations"]
    assert row["holder"]["name"] == "员工admin"
    assert row["handed_over"]["by"]["name"] == "员工agent"
    assert "请退 88 元" in row["handed_over"]["note"]
    assert ID_CARD not in str(row)
    _, thread = await boss.desk("GET", f"conversations/{one}")
    moved = [e for e in thread["events"] if e["type"] in ("transferred", "staff_noted")]
    assert [e["type"] for e in moved] == ["transferred", "staff_noted"]
    visitor = await site.browser()
    _, view = await visitor.poll(0, "a" * 43)
    assert view["speaker"] == {"kind": "staff", "name": "员工admin"}
    assert not [m for m in view["messages"] if "88" in m["text"]]
    status, refused = await handed(agent, one, admin, "t2")
    assert (status, refused["error"]["holder"]) == (409, "员工admin")
    assert (await site.sql("SELECT count(*) FROM events WHERE type = 'transferred'"))[0][0] == 1


async def test_only_a_colleague_who_is_there_can_be_handed_one(site: Site) -> None:
    one, agent = await guest(site, "a", "找人"), await site.signed_in("agent")
    await agent.desk("POST", f"conversations/{one}/claim", {})
    far, me = await person(site, "far"), await person(site, "agent")
    new = await person(site, "new")
    await site.sql(f"UPDATE staff SET active = false WHERE staff_id = '{new}'")
    for to, code in (
        (far, "not_a_colleague"),
        (new, "not_a_colleague"),
        ("x", "not_a_colleague"),
        (me, "to_oneself"),
    ):
        status, body = await handed(agent, one, to, f"to-{to}"[:40])
        assert (status, body["error"]["code"]) == (409, code), to
    assert (await agent.desk("GET", "conversations?mine=1"))[1]["conversations"]


async def test_of_two_who_hand_it_over_at_once_one_does(site: Site) -> None:
    one, agent = await guest(site, "a", "找人"), await site.signed_in("agent")
    await agent.desk("POST", f"conversations/{one}/claim", {})
    admin, new = await person(site, "admin"), await person(site, "new")
    both = await asyncio.gather(handed(agent, one, admin, "t1"), handed(agent, one, new, "t2"))
    assert sorted(status for status, _ in both) == [200, 409]


# ---- the way of a reply


async def test_a_reply_goes_where_staff_choose(site: Site) -> None:
    one, two = await guest(site, "a", "第一位"), await guest(site, "b", "第二位")
    agent = await site.signed_in()
    _, shown = await agent.desk("GET", f"conversations/{one}")
    (way,) = shown["reply"]["ways"]
    assert shown["reply"]["identity"] == way["identity"]
    assert (way["channel"], way["max_bytes"], way["reachable"]) == ("web", None, True)
    assert "image" in way["media"]
    assert shown["reply"]["file_limits"]["image"] > 0
    other = (await agent.desk("GET", f"conversations/{two}"))[1]["reply"]["identity"]
    said = {"text": "您好", "client_id": "r1", "identity": way["identity"]}
    status, answer = await agent.desk("POST", f"conversations/{one}/reply", said)
    assert (status, answer["event"]["channel"]) == (200, "web")
    for wrong in (other, "nowhere"):
        body = {"text": "您好", "client_id": f"r-{wrong}"[:40], "identity": wrong}
        status, answer = await agent.desk("POST", f"conversations/{one}/reply", body)
        assert (status, answer["error"]["code"]) == (409, "no_such_way")


# ---- one guest, several channels


async def test_what_belongs_to_one_guest_is_shown_with_its_proof_and_can_be_undone(site: Site) -> None:
    one, two = await guest(site, "a", "第一位"), await guest(site, "b", "第二位")
    agent = await site.signed_in()
    shown = {id_: (await agent.desk("GET", f"conversations/{id_}"))[1] for id_ in (one, two)}
    (first, second) = (shown[id_]["conversation"]["guest"]["id"] for id_ in (one, two))
    desk = await agent.feed()
    await frames(desk, "snapshot")
    status, linked = await agent.desk("POST", f"guests/{first}/link", {"guest": second})
    assert (status, linked) == (200, {"conversation": one})
    told: dict[str, Any] = {}
    while len(told) < 2:
        row = (await frames(desk, "conversation"))[-1]["conversation"]
        told[row["id"]] = row["ended_into"]
    assert told == {one: None, two: one}
    assert [row["id"] for row in (await agent.desk("GET", "conversations"))[1]["conversations"]] == [one]
    _, both = await agent.desk("GET", f"conversations/{one}")
    began, came = both["identities"]
    assert (began["proof"], began["by"], began["at"]) == (None, None, None)
    assert (came["proof"], came["by"]) == ("staff_confirmed", "员工agent")
    (event,) = [e for e in both["events"] if e["type"] == "identity_linked"]
    assert (event["channel"], event["actor"]["name"], event["at"]) == ("web", "员工agent", came["at"])
    assert [e["text"] for e in both["earlier"] if e["type"] == "guest_said"] == ["第二位"]
    assert (await agent.desk("GET", f"conversations/{two}"))[1]["ended_into"] == one
    status, apart = await agent.desk("POST", f"identities/{came['id']}/unlink", {})
    assert status == 200
    _, left = await agent.desk("GET", f"conversations/{one}")
    assert [i["id"] for i in left["identities"]] == [began["id"]]
    (event,) = [e for e in left["events"] if e["type"] == "identity_unlinked"]
    assert (event["channel"], event["actor"]["name"]) == ("web", "员工agent")
    assert (await agent.desk("GET", f"conversations/{apart['conversation']}"))[0] == 200


# ---- the hotel's day


async def test_a_day_is_counted_by_the_hotels_clock(site: Site) -> None:
    one = await guest(site, "a", "早餐几点，没人知道")
    two = await guest(site, "b", "找人")
    agent, boss = await site.signed_in("agent"), await site.signed_in("admin")
    said = {"text": "来了", "client_id": "r1"}
    assert (await agent.desk("POST", f"conversations/{one}/reply", said))[0] == 200
    rude = {"text": "您加我微信：lin_front，电话 0411-0000-1208", "client_id": "r2"}
    _, flagged = await agent.desk("POST", f"conversations/{one}/reply", rude)
    assert flagged["event"]["text"] == rude["text"]  # it goes out, and the page learns of nothing else
    assert (await agent.desk("GET", "today"))[0] == 403
    status, day = await boss.desk("GET", "today")
    assert status == 200, day
    numbers = day["numbers"]
    assert (numbers["messages"], numbers["guests"], numbers["handed_over"]) == (2, 2, 2)
    assert (numbers["answered"], numbers["unclear"]) == (0, 0)
    assert sum(hour["guest"] for hour in day["hours"]) == 2
    assert sum(hour["staff"] for hour in day["hours"]) == 2
    assert [(f["seq"], f["kinds"], f["by"], f["text"]) for f in day["flags"]] == [
        (flagged["event"]["seq"], ["private_contact"], "员工agent", rude["text"])
    ]
    assert {w["conversation"]: (w["waiting"], w["by"]) for w in day["waits"]} == {
        one: (False, "员工agent"),
        two: (True, None),
    }
    assert day["waits"][0]["seconds"] == numbers["longest_wait"]
    assert {t["conversation"] for t in day["talks"]} == {one, two}
    assert day["before"]["messages"] == 0
    for wrong in ("2999-01-01", "x", "1999-01-01"):
        assert (await boss.desk("GET", f"today?day={wrong}"))[0] == 400
    _, empty = await boss.desk("GET", "today?day=2026-01-01")
    assert empty["numbers"] == {
        "messages": 0,
        "guests": 0,
        "answered": 0,
        "handed_over": 0,
        "longest_wait": None,
        "unclear": 0,
    }


def happened(type_: EventType, at: datetime, **body: Any) -> NewEvent:
    actor = {"guest": Actor(ActorKind.GUEST, "g"), "assis": ASSISTANT}.get(type_[:5], SERVICE)
    return NewEvent(type_, at, actor, Audience.STAFF, None, body)


async def test_what_happened_before_midnight_is_yesterdays(site: Site) -> None:
    """Shanghai is eight hours ahead: 15:59 UTC is still that day, 16:00 is the next."""
    boss = await site.signed_in("admin")
    late, next_day = datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC), datetime(2026, 3, 4, 16, tzinfo=UTC)
    answer = {"through": 1, "intent": "ask_wifi"}
    told = Record(
        tuple(
            event
            for at in (late, next_day)
            for event in (
                happened(EventType.GUEST_SAID, at, kind="text"),
                happened(EventType.ASSISTANT_SAID, at, **answer, handoff=None),
                happened(EventType.ASSISTANT_SAID, at, **answer, handoff="complain"),
                happened(EventType.HANDOFF_REQUESTED, at, reason="complain"),
                happened(EventType.HANDOFF_REQUESTED, at, reason="human_handoff"),
                happened(EventType.DELIVERY_UNCLEAR, at, seq=1),
            )
        )
    )
    one, hotel = ConversationId("a"), HotelId(ONE)
    async with site.app[DATABASE].write() as tx:
        await people.add_guest(tx, hotel, GuestId("a"), late)
        await log.create(tx, hotel, one, GuestId("a"), late)
    await site.app[DISPATCH].act(hotel, one, lambda row, gone: told)
    for name, hour in (("2026-03-04", 23), ("2026-03-05", 0)):
        _, day = await boss.desk("GET", f"today?day={name}")
        numbers = {k: v for k, v in day["numbers"].items() if k != "longest_wait"}
        # Asked for twice before anybody came is one waiting.
        assert numbers == {"messages": 1, "guests": 1, "answered": 1, "handed_over": 1, "unclear": 1}, name
        assert [at for at, counted in enumerate(day["hours"]) if counted["guest"]] == [hour]
        assert day["answers"] == {"ask_wifi": 1}
        assert [(u["seq"], u["open"]) for u in day["unclear"]] == [(1, True)]
    assert day["before"]["messages"] == 1
    far = await site.signed_in("far")
    _, theirs = await far.desk("GET", "today?day=2026-03-04", None, TWO)
    assert theirs["numbers"]["messages"] == 0


async def test_the_longest_wait_ends_when_somebody_speaks(site: Site) -> None:
    boss, asked = await site.signed_in("admin"), datetime(2026, 3, 4, 2, tzinfo=UTC)
    for id_, minutes in (("a", 5), ("b", 20), ("c", 1)):
        one, hotel = ConversationId(id_), HotelId(ONE)
        waited = Record(
            (
                happened(EventType.HANDOFF_REQUESTED, asked, reason="complain"),
                happened(EventType.CLAIMED, asked + timedelta(seconds=30), holder="s"),
                happened(EventType.STAFF_SAID, asked + timedelta(minutes=minutes), kind="text"),
                happened(EventType.STAFF_SAID, asked + timedelta(minutes=minutes + 30), kind="text"),
            )
        )
        async with site.app[DATABASE].write() as tx:
            await people.add_guest(tx, hotel, GuestId(id_), asked)
            await log.create(tx, hotel, one, GuestId(id_), asked)
        await site.app[DISPATCH].act(hotel, one, lambda row, gone, waited=waited: waited)  # type: ignore[misc]
    _, day = await boss.desk("GET", "today?day=2026-03-04")
    assert day["numbers"]["longest_wait"] == 20 * 60
    assert [(w["conversation"], w["seconds"]) for w in day["waits"]] == [("b", 1200), ("a", 300), ("c", 60)]


@only_on_sqlite  # which tells its plan in words
async def test_a_day_is_read_by_its_index(site: Site) -> None:
    async with site.app[DATABASE].read() as tx:
        day = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
        query = days._asked(tx, HotelId(ONE), *day).compile(
            dialect=tx.dialect, compile_kwargs={"literal_binds": True}
        )
        plan = " ".join(str(row) for row in await tx.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert "ix_events_hotel_id_type_at" in plan
    assert "SCAN events" not in plan


# ---- promises


async def test_a_reply_that_promises_is_offered_noted_once_and_followed_to_its_end(site: Site) -> None:
    agent, admin = await site.signed_in(), await site.signed_in("admin")
    one = f"conversations/{await guest(site, 'p', '婴儿床有吗')}"
    _, said = await agent.desk("POST", f"{one}/reply", {"text": "婴儿床一小时内给您送到", "client_id": "1"})
    seq, offer = said["event"]["seq"], said["event"]["offer"]
    assert offer["guessed"] is False
    _, shown = await admin.desk("GET", one)
    assert all("offer" not in event for event in shown["events"])  # it is its writer's to decide
    socket = await admin.feed()
    await frames(socket, "snapshot")
    body = {"seq": seq, "due_at": offer["due_at"], "guessed": False}
    first, again = [await agent.desk("POST", f"{one}/promises", body) for _ in range(2)]
    assert first[0] == 200, first
    assert again[1]["promise"]["id"] == first[1]["promise"]["id"]
    told = (await frames(socket, "promise"))[-1]["promise"]
    assert (told["words"], told["owner"]["name"]) == ("婴儿床一小时内给您送到", "员工agent")
    _, shown = await agent.desk("GET", one)
    assert [p["id"] for p in shown["promises"]] == [told["id"]]
    assert "offer" not in next(event for event in shown["events"] if event["seq"] == seq)
    for wrong in ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "soon", None):
        assert (await agent.desk("POST", f"promises/{told['id']}", {"due_at": wrong}))[0] == 400
    _, changed = await admin.desk("POST", f"promises/{told['id']}", {"owner": None})
    assert changed["promise"]["owner"] is None
    assert (await agent.desk("GET", "promises"))[1]["promises"][0]["id"] == told["id"]
    _, ended = await agent.desk("POST", f"promises/{told['id']}/kept", {})
    assert (ended["promise"]["state"], ended["promise"]["ended_by"]) == ("kept", "员工agent")
    assert (await admin.desk("POST", f"promises/{told['id']}/broken", {}))[0] == 409
    far = await site.signed_in("far")
    assert (await far.desk("POST", f"promises/{told['id']}/kept", {}, hotel=TWO))[0] == 404


async def test_what_is_declined_is_not_offered_again(site: Site) -> None:
    agent = await site.signed_in()
    one = f"conversations/{await guest(site, 'q', '可以便宜点吗')}"
    _, said = await agent.desk("POST", f"{one}/reply", {"text": "我跟经理说一声", "client_id": "1"})
    seq = said["event"]["seq"]
    assert said["event"]["offer"]["guessed"] is True
    assert (await agent.desk("POST", f"{one}/events/{seq}/no-promise", {}))[0] == 200
    _, shown = await agent.desk("GET", one)
    assert all("offer" not in event for event in shown["events"])
    assert (await agent.desk("POST", f"{one}/events/{seq - 1}/no-promise", {}))[0] == 404


# ---- working together


async def test_a_phrase_is_said_with_the_guests_own_words_and_never_with_a_gap(site: Site) -> None:
    agent, admin = await site.signed_in(), await site.signed_in("admin")
    one = f"conversations/{await guest(site, 'u', '毛巾有吗')}"
    words = {"title": "送到", "text": "{guest}您好，{staff}已请同事把毛巾送到 {room} 房间"}
    assert (await agent.desk("POST", "phrases", words))[0] == 403
    for wrong in ("{nobody}", "{0}", "{guest", "{guest.name}"):
        assert (await admin.desk("POST", "phrases", {"text": wrong}))[0] == 400
    status, made = await admin.desk("POST", "phrases", words)
    assert (status, made["phrase"]["version"]) == (200, 1)
    offered = {p["id"]: p for p in (await agent.desk("GET", f"{one}/phrases"))[1]["phrases"]}
    mine = offered[made["phrase"]["id"]]
    assert mine["text"] == "【待填：客人姓名】您好，员工agent已请同事把毛巾送到 【待填：房号】 房间"
    assert mine["spelt"][0] == "song dao"
    assert offered["moment"]["text"].startswith("您好，我是员工agent")
    status, refused = await agent.desk("POST", f"{one}/reply", {"text": mine["text"], "client_id": "1"})
    assert (status, refused["error"]["code"]) == (400, "unfilled")
    await site.sql("UPDATE guests SET room = '1208', name = '周先生'")
    offered = {p["id"]: p for p in (await agent.desk("GET", f"{one}/phrases"))[1]["phrases"]}
    assert offered[mine["id"]]["text"] == "周先生您好，员工agent已请同事把毛巾送到 1208 房间"
    # Ours can be written over and taken away; of two who change one at once the second is told.
    change = {"text": "马上来", "version": 0}
    answers = [await admin.desk("POST", "phrases/moment", change) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 409]
    assert (await admin.desk("POST", "phrases/night/retire", {"version": 0}))[0] == 200
    shown = {p["id"]: p["text"] for p in (await admin.desk("GET", "phrases"))[1]["phrases"]}
    assert (shown["moment"], "night" in shown) == ("马上来", False)
    _, kept = await admin.desk("GET", "phrases/night")
    assert [(v["version"], v["retired"], v["edited_by"]) for v in kept["versions"]] == [
        (1, True, "员工admin")
    ]
    far = await site.signed_in("far")
    _, elsewhere = await far.desk("GET", "phrases", hotel=TWO)
    assert "马上来" not in {p["text"] for p in elsewhere.get("phrases", [])}


async def test_a_note_names_a_colleague_who_has_it_on_their_list_until_they_have_seen_it(site: Site) -> None:
    agent, admin = await site.signed_in(), await site.signed_in("admin")
    one = f"conversations/{await guest(site, 'w', '找经理')}"
    me = (await admin.call("GET", "/desk/v1/session"))[1]["staff"]["id"]
    socket = await admin.feed()
    await frames(socket, "snapshot")
    words = {"text": "@员工admin 能减免吗", "client_id": "1"}
    assert (await agent.desk("POST", f"{one}/note", words | {"mentions": ["nobody"]}))[0] == 409
    assert (await agent.desk("POST", f"{one}/note", words | {"mentions": "all"}))[0] == 400
    status, noted = await agent.desk("POST", f"{one}/note", words | {"mentions": [me]})
    assert status == 200, noted
    (named,) = (await frames(socket, "mentions"))[-1]["mentions"]
    said = (named["by"]["name"], named["text"], named["seq"])
    assert said == ("员工agent", "@员工admin 能减免吗", noted["event"]["seq"])
    again = await admin.feed()
    assert [f["mentions"] for f in await frames(again, "mentions") if f["type"] == "mentions"] == [[named]]
    await agent.desk("POST", f"{one}/read", {"seq": named["seq"]})  # whose reading it is counts
    await admin.desk("POST", f"{one}/read", {"seq": named["seq"]})
    assert (await frames(socket, "mentions"))[-1]["mentions"] == []


async def test_a_whisper_is_between_two_and_taking_over_says_from_whom(site: Site) -> None:
    agent, admin = await site.signed_in(), await site.signed_in("admin")
    id_ = await guest(site, "x", "我要投诉")
    one, words = f"conversations/{id_}", {"text": "先道歉，别急着解释", "client_id": "1"}
    assert (await admin.desk("POST", f"{one}/whisper", words))[0] == 409
    await agent.desk("POST", f"{one}/claim")
    assert (await agent.desk("POST", f"{one}/whisper", words))[0] == 403
    socket = await agent.feed(follow={id_: 0})
    assert (await admin.desk("POST", f"{one}/whisper", words))[0] == 200
    heard: list[dict[str, Any]] = []
    while not heard:
        heard = [e for e in (await frames(socket, "events"))[-1]["events"] if e["type"] == "whispered"]
    assert (heard[0]["text"], heard[0]["audience"]) == (words["text"], "staff")
    holder = (await agent.call("GET", "/desk/v1/session"))[1]["staff"]["id"]
    assert (await agent.desk("POST", f"{one}/take-over", {"from": holder}))[0] == 409
    status, taken = await admin.desk("POST", f"{one}/take-over", {"from": holder})
    assert (status, taken["conversation"]["holder"]["name"]) == (200, "员工admin")
    assert (await agent.desk("POST", f"{one}/take-over", {"from": holder}))[0] == 409  # not theirs any more
    assert await ids(agent, "先道歉") == set()


async def test_what_is_put_aside_comes_back_with_the_guests_word(site: Site) -> None:
    agent = await site.signed_in()
    one = f"conversations/{await guest(site, 'z', '明天有接机吗')}"
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    await agent.desk("POST", f"{one}/claim")
    status, refused = await agent.desk("POST", f"{one}/snooze", {"until": until})
    assert (status, refused["error"]["code"]) == (409, "unheard")
    await agent.desk("POST", f"{one}/reply", {"text": "问好了告诉您", "client_id": "1"})
    assert (await agent.desk("POST", f"{one}/snooze", {"until": "2020-01-01T00:00:00Z"}))[0] == 400
    _, aside = await agent.desk("POST", f"{one}/snooze", {"until": until})
    assert aside["conversation"]["snoozed"]["until"][:16] == until[:16]
    await (await site.browser()).send("好了吗", "x" * 40, "z" * 43)
    assert (await agent.desk("GET", one))[1]["conversation"]["snoozed"] is None
    await agent.desk("POST", f"{one}/reply", {"text": "还在问", "client_id": "2"})
    _, aside = await agent.desk("POST", f"{one}/snooze", {"until": None})
    assert aside["conversation"]["snoozed"]["until"] is None
    _, back = await agent.desk("POST", f"{one}/wake")
    assert back["conversation"]["snoozed"] is None


# ---- leaving


async def test_an_administrator_sees_what_somebody_holds_and_hands_each_thing_over(site: Site) -> None:
    admin, agent = await site.signed_in("admin"), await site.signed_in()
    await site.sql("UPDATE staff SET must_change = false")
    new = await site.signed_in("new")
    conversation = await guest(site, "s", "有人吗")
    one = f"conversations/{conversation}"
    _, said = await agent.desk("POST", f"{one}/reply", {"text": "八点前给您送到", "client_id": "1"})
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    body = {"seq": said["event"]["seq"], "due_at": due}
    promise = (await agent.desk("POST", f"{one}/promises", body))[1]["promise"]["id"]
    for who in (agent, new):
        assert (await who.desk("GET", "staff"))[0] == 403
    listed = {one["login"]: one for one in (await admin.desk("GET", "staff"))[1]["staff"]}
    assert (listed["agent"]["conversations"], listed["agent"]["promises"]) == (1, 1)
    place = f"staff/{listed['agent']['id']}"
    _, holds = await admin.desk("GET", f"{place}/holds")
    assert [row["id"] for row in holds["conversations"]] == [conversation]
    assert [one["id"] for one in holds["promises"]] == [promise]
    for wrong, status in (("nobody", 409), (listed["agent"]["id"], 409), (7, 400)):
        assert (await admin.desk("POST", f"{place}/deactivate", {"to": {promise: wrong}}))[0] == status
    assert (await new.desk("POST", f"{place}/deactivate", {}))[0] == 403
    assert (await admin.desk("POST", f"staff/{listed['admin']['id']}/deactivate", {}))[0] == 409
    far = await site.signed_in("far")
    assert (await far.desk("POST", f"{place}/deactivate", {}, hotel=TWO))[0] == 404
    socket = await new.feed()
    await frames(socket, "snapshot")
    plan = {"to": {promise: listed["new"]["id"], conversation: None}}
    status, done = await admin.desk("POST", f"{place}/deactivate", plan)
    assert (status, done) == (200, {"handed_over": 2})
    assert (await agent.desk("GET", one))[0] == 401
    # Every screen is told, whether or not the rows have run.
    told = (await frames(socket, "snapshot"))[-1]
    assert [row["state"] for row in told["conversations"] if row["id"] == conversation] == ["WAITING"]

    async def handed() -> bool:
        owed = (await new.desk("GET", "promises"))[1]["promises"]
        return [p["owner"] and p["owner"]["name"] for p in owed] == ["员工new"]

    for _ in range(100):
        if await handed():
            break
        await asyncio.sleep(0.1)
    assert await handed()
    assert (await site.sql("SELECT action FROM audit"))[0][0] == "deactivate"


# ---- the card


async def test_the_card_tells_what_is_over_each_line_with_its_source(site: Site) -> None:
    agent = await site.signed_in()
    id_ = await guest(site, "t", "你们空调吵得我一夜没睡")
    one = f"conversations/{id_}"
    await agent.desk("POST", f"{one}/reply", {"text": "马上给您换房", "client_id": "1"})
    now = datetime.now(UTC)
    complained = NewEvent(
        EventType.HANDOFF_REQUESTED, now, SERVICE, Audience.STAFF, None, {"reason": "complain"}
    )
    wish = NewEvent(EventType.PREFERENCE_REMEMBERED, now, SERVICE, Audience.STAFF, content=Content("高楼层"))
    told = Record((complained, wish))
    await site.app[DISPATCH].act(HotelId(ONE), ConversationId(id_), lambda row, gone: told)
    assert (await agent.desk("GET", f"{one}/card"))[1]["complaints"] == []  # this visit's is no past one
    await agent.desk("POST", f"{one}/close", {"reason": "solved", "note": "已换到 1501"})
    status, card = await agent.desk("GET", f"{one}/card")
    assert (status, card["visits"], card["stay"], card["dates"]) == (200, 1, None, [])
    (complaint,) = card["complaints"]
    assert (complaint["words"], complaint["outcome"]) == ("你们空调吵得我一夜没睡", "solved")
    _, thread = await agent.desk("GET", one)
    texts = {event["seq"]: event for event in thread["events"]}
    assert texts[complaint["seq"]]["text"] == complaint["words"]
    assert [(line["values"]["words"], texts[line["seq"]]["text"]) for line in card["preferences"]] == [
        ("高楼层", "高楼层")
    ]
    assert [(line["kind"], texts[line["seq"]]["type"]) for line in card["summary"]] == [("closed", "closed")]
    assert card["summary"][0]["values"]["words"] == "已换到 1501"
    await guest(site, "s", "后天是我生日")
    theirs = (await site.sql(f"SELECT conversation_id FROM conversations WHERE conversation_id <> '{id_}'"))[
        0
    ][0]
    _, card = await agent.desk("GET", f"conversations/{theirs}/card")
    (day,) = card["dates"]
    assert (day["kind"], day["values"]["in"], day["values"]["words"]) == ("birthday", 2, "后天是我生日")
    assert (await agent.desk("GET", "conversations/nobody/card"))[0] == 404
    far = await site.signed_in("far")
    assert (await far.desk("GET", f"{one}/card", hotel=TWO))[0] == 404


async def test_the_card_tells_the_stay_until_it_is_over(site: Site) -> None:
    agent = await site.signed_in()
    id_ = await guest(site, "t", "早餐几点")
    there = datetime.now(ZoneInfo("Asia/Shanghai"))
    tonight, tomorrow = there.replace(hour=23, minute=59, second=59), there + timedelta(days=1)
    for room, until, leaves in (("0512", tomorrow, False), ("1208", tonight, True), ("1208", None, False)):
        day = f"'{stamp(until.astimezone(UTC))}'" if until else "NULL"
        await site.sql(f"UPDATE guests SET room = '{room}', room_until = {day}")
        _, card = await agent.desk("GET", f"conversations/{id_}/card")
        told = card["stay"]
        assert (told["room"], told["until"] is None, told["leaves_today"]) == (room, until is None, leaves)
    past = stamp(datetime.now(UTC) - timedelta(seconds=1))
    await site.sql(f"UPDATE guests SET room_until = '{past}'")
    assert (await agent.desk("GET", f"conversations/{id_}/card"))[1]["stay"] is None


async def test_who_may_be_the_same_guest_is_named_and_nothing_of_theirs(site: Site) -> None:
    agent = await site.signed_in()
    here, there, before = [await guest(site, letter, "早餐几点") for letter in "tuv"]
    past, to_come = "2020-01-01T00:00:00.000000+00:00", "2099-01-01T00:00:00.000000+00:00"

    async def stays(conversation: str, room: str, until: str, name: str) -> None:
        of = f"SELECT guest_id FROM identities WHERE conversation_id = '{conversation}'"
        values = f"room = '{room}', room_until = '{until}', name = '{name}'"
        await site.sql(f"UPDATE guests SET {values} WHERE guest_id IN ({of})")

    async def alike() -> list[tuple[str, list[str]]]:
        _, card = await agent.desk("GET", f"conversations/{here}/card")
        return [(one["conversation"], one["why"]) for one in card["alike"]]

    assert await alike() == []
    await stays(here, "1208", to_come, "林小雨")
    await stays(there, "1208", to_come, "小雨")
    await stays(before, "1208", past, "林小雨")
    assert await alike() == [(before, ["name"]), (there, ["room"])]
    _, listed = await agent.desk("GET", "conversations")
    rooms = {row["id"]: row["guest"]["room"] for row in listed["conversations"]}
    assert rooms == {here: "1208", there: "1208", before: None}
    # Whoever waits is shown with their own words, not with the answer that somebody will come.
    assert {row["last"]["text"] for row in listed["conversations"]} == {"早餐几点"}
    await stays(here, "1208", past, "别人")  # whose own stay is over
    assert await alike() == []
