"""What staff say was read wrongly: two people, one hotel, and nothing that has been erased."""

import argparse
import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from argon2 import PasswordHasher

from bot import corrections, staff
from bot.annotation import Place
from bot.commands import CommandFailed
from bot.commands import corrections as command
from bot.conversation import Close, Conversation
from bot.corrections import CannotCorrect, Desk, Kind, Marked, Verdict
from bot.dispatch import Received
from bot.engine import Turn
from bot.knowledge import unanswered
from bot.model import SERVICE, Answer, Content, GuestId, Handoff, HotelId, Json, Reason
from bot.store.database import Database
from tests.conftest import FixedClock, SettingsMaker
from tests.contract.floor import ONE, TWO, Floor
from tests.contract.site import Site, serving
from tests.core import ROOT, texts
from tests.servers import free_port

Capture = pytest.CaptureFixture[str]
ID_CARD = "11010119900307803X"
KNOWN = corrections.intents(texts()["zh"])


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    for login in ("lin", "bo"):
        await made.hire(login, ONE, TWO)
    yield made
    await made.check()
    await database.close()


def read_as(intent: str, confidence: float = 0.61, entities: tuple[Json, ...] = ()) -> Turn:
    return Turn((Answer("ask_breakfast"),), {"m": 1}, intent, confidence, entities)


def at(floor: Floor, where: Received, who: str, administrator: bool = False) -> Desk:
    return Desk(where.row.hotel, where.row.id, floor.people[who], administrator, KNOWN, floor.clock.now())


async def mark(
    floor: Floor, where: Received, who: str, intent: str | None, seq: int = 0, kind: Kind = Kind.MISREAD
) -> None:
    seq = seq or await said_last(floor, where)
    desk = at(floor, where, who)
    await floor.dispatch.transact(
        lambda tx: corrections.mark(tx, floor.dispatch.commit, desk, seq, kind, intent)
    )


async def withdraw(floor: Floor, where: Received, who: str, administrator: bool = False) -> None:
    seq, desk = await said_last(floor, where), at(floor, where, who, administrator)
    await floor.dispatch.transact(lambda tx: corrections.withdraw(tx, floor.dispatch.commit, desk, seq))


async def review(
    floor: Floor,
    where: Received,
    who: str,
    verdict: Verdict = Verdict.ACCEPTED,
    intent: str | None = None,
    number: int = 0,
    entities: tuple[Place, ...] | None = None,
) -> None:
    (marked,) = [m for m in await marks(floor, where.row.hotel) if m.mark.conversation == where.row.id]
    desk = at(floor, where, who)
    await floor.dispatch.transact(
        lambda tx: corrections.review(
            tx,
            floor.dispatch.commit,
            desk,
            marked.mark.seq,
            number or marked.mark.number,
            verdict,
            intent,
            entities,
        )
    )


async def marks(floor: Floor, hotel: HotelId = ONE) -> list[Marked]:
    found: list[Marked] = await floor.read(lambda tx: corrections.read(tx, hotel))
    return found


async def learned(floor: Floor, hotel: HotelId = ONE) -> list[tuple[str, str]]:
    examples = await floor.read(lambda tx: corrections.accepted(tx, hotel))
    return [(example.intent, example.text) for example in examples]


async def said_last(floor: Floor, where: Received) -> int:
    return [e.seq for e, _ in await floor.thread(where) if e.type == "assistant_said"][-1]


async def refused(doing: Any) -> str:
    with pytest.raises(CannotCorrect) as caught:
        await doing
    return caught.value.code


# ---- marking


async def test_a_mark_names_messages_and_holds_no_words(floor: Floor) -> None:
    floor.engine.turns = [read_as("ask_gym")]
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_breakfast")
    event = (await floor.thread(where))[-1][0]
    assert (event.type, event.audience, event.actor.id) == ("reading_corrected", "staff", floor.people["lin"])
    assert event.body == {
        "seq": await said_last(floor, where),
        "guest_seqs": [where.seq],
        "kind": "misread",
        "intent_was": "ask_gym",
        "intent": "ask_breakfast",
    }
    assert "早饭" not in json.dumps(dict(event.body), ensure_ascii=False)
    assert (await floor.thread(where))[-1][1] == Content()


async def test_a_mark_moves_nothing(floor: Floor) -> None:
    where = await floor.talk()
    before = await floor.row(where)
    await mark(floor, where, "lin", "ask_gym")
    after = await floor.row(where)
    assert (after.state, after.epoch, after.holder) == (before.state, before.epoch, before.holder)
    await floor.act(where, _close)
    await mark(floor, where, "lin", "ask_pool")
    assert (await floor.row(where)).state == "CLOSED"


def _close(row: Conversation, gone: bool) -> Close:
    return Close(SERVICE, "solved")


async def test_a_mark_is_about_the_whole_turn_and_about_no_other(floor: Floor) -> None:
    floor.engine.turns = [read_as("greet"), read_as("ask_gym")]
    where = await floor.talk("你好呀")
    first = await said_last(floor, where)
    await floor.hear("请问一下")
    await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_breakfast")
    assert (await marks(floor))[0].words == ("请问一下", "早饭在哪儿吃")
    await mark(floor, where, "lin", "chitchat", first)
    assert [m.words for m in await marks(floor) if m.mark.seq == first] == [("你好呀",)]


async def test_marking_again_replaces_and_saying_the_same_again_adds_nothing(floor: Floor) -> None:
    where = await floor.talk()
    await mark(floor, where, "lin", "ask_gym")
    await mark(floor, where, "lin", "ask_gym")
    assert await floor.count(where, "reading_corrected") == 1
    await review(floor, where, "bo")
    await mark(floor, where, "bo", "ask_pool")
    (only,) = await marks(floor)
    assert (only.mark.intent, only.mark.by, only.mark.review) == ("ask_pool", floor.people["bo"], None)


async def test_a_wrong_answer_keeps_what_was_read(floor: Floor) -> None:
    floor.engine.turns = [read_as("ask_breakfast")]
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_gym", kind=Kind.WRONG_ANSWER)
    assert (await marks(floor))[0].mark.intent == "ask_breakfast"


async def test_a_wrong_answer_is_asked_for_among_the_unanswered_while_it_is_called_one(floor: Floor) -> None:
    async def asked() -> list[str]:
        found = await floor.read(lambda tx: unanswered.read(tx, ONE, floor.clock.now() - timedelta(days=1)))
        return [one.why for one in found]

    floor.engine.turns = [read_as("ask_breakfast")]
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", None, kind=Kind.WRONG_ANSWER)
    assert await asked() == ["wrong"]
    await mark(floor, where, "lin", "ask_dining")
    assert await asked() == []
    await mark(floor, where, "lin", None, kind=Kind.WRONG_ANSWER)
    await withdraw(floor, where, "lin")
    assert await asked() == []


async def test_what_can_not_be_marked(floor: Floor) -> None:
    floor.engine.turns = [read_as("ask_gym")]
    where = await floor.talk()
    seq = await said_last(floor, where)
    assert await refused(mark(floor, where, "lin", "ask_gym")) == "same_intent"
    assert await refused(mark(floor, where, "lin", "no_such_intent")) == "unknown_intent"
    assert await refused(mark(floor, where, "lin", None)) == "unknown_intent"
    assert await refused(mark(floor, where, "lin", "ask_pool", where.seq)) == "not_found"
    assert await refused(mark(floor, where, "lin", "ask_pool", 999)) == "not_found"
    await floor.claim(where, "lin")
    await floor.release(where, "lin")  # the assistant says something that answers nobody
    assert await said_last(floor, where) > seq
    assert await refused(mark(floor, where, "lin", "ask_pool")) == "nothing_read"
    assert await floor.count(where, "reading_corrected") == 0


async def test_a_mark_is_taken_back_by_who_made_it_or_by_an_administrator(floor: Floor) -> None:
    where = await floor.talk()
    assert await refused(withdraw(floor, where, "lin")) == "not_marked"
    await mark(floor, where, "lin", "ask_gym")
    await review(floor, where, "bo")
    assert await refused(withdraw(floor, where, "bo")) == "others_mark"
    assert await learned(floor)
    await withdraw(floor, where, "lin")
    assert (await marks(floor), await learned(floor)) == ([], [])
    await mark(floor, where, "lin", "ask_gym")
    await withdraw(floor, where, "bo", administrator=True)
    assert await marks(floor) == []


# ---- reviewing


async def test_nobody_reviews_their_own_mark(floor: Floor) -> None:
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_breakfast")
    for verdict in Verdict:
        assert await refused(review(floor, where, "lin", verdict)) == "own_mark"
    assert await learned(floor) == []
    await review(floor, where, "bo")
    assert await learned(floor) == [("ask_breakfast", "早饭在哪儿吃")]
    event = (await floor.thread(where))[-1][0]
    assert (event.type, event.audience) == ("correction_reviewed", "staff")


async def test_a_reviewer_may_choose_another_intent_or_refuse_and_think_again(floor: Floor) -> None:
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_dining")
    await review(floor, where, "bo", intent="ask_breakfast")
    assert await learned(floor) == [("ask_breakfast", "早饭在哪儿吃")]
    await review(floor, where, "bo", Verdict.REFUSED)
    assert await learned(floor) == []
    assert await refused(review(floor, where, "bo", intent="no_such_intent")) == "unknown_intent"


async def test_what_was_changed_meanwhile_is_not_accepted_unseen(floor: Floor) -> None:
    where = await floor.talk()
    await mark(floor, where, "lin", "ask_gym")
    seen = (await marks(floor))[0].mark.number
    await mark(floor, where, "lin", "ask_pool")
    assert await refused(review(floor, where, "bo", number=seen)) == "mark_changed"
    assert await learned(floor) == []


async def test_a_wrong_answer_to_nothing_that_was_read_needs_an_intent(floor: Floor) -> None:
    floor.engine.turns = [Turn((Handoff(Reason.MISUNDERSTOOD),), {}, "nlu_fallback", 0.2)]
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", None, kind=Kind.WRONG_ANSWER)
    assert await refused(review(floor, where, "bo")) == "unknown_intent"
    await review(floor, where, "bo", intent="ask_breakfast")
    assert await learned(floor) == [("ask_breakfast", "早饭在哪儿吃")]


async def test_two_people_mark_at_once_and_one_mark_stands(floor: Floor) -> None:
    where = await floor.talk()
    await asyncio.gather(mark(floor, where, "lin", "ask_gym"), mark(floor, where, "bo", "ask_pool"))
    assert await floor.count(where, "reading_corrected") == 2
    assert len(await marks(floor)) == 1


# ---- what may be seen


async def test_what_is_erased_is_neither_shown_nor_learned(floor: Floor) -> None:
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_breakfast")
    await review(floor, where, "bo")
    assert await learned(floor)
    await floor.dispatch.erase(ONE, GuestId(where.row.guest))
    assert (await marks(floor), await learned(floor)) == ([], [])
    assert await refused(mark(floor, where, "lin", "ask_gym")) == "words_gone"
    assert "早饭在哪儿吃" not in await floor.everything()


async def test_identifying_numbers_are_learned_as_masks(floor: Floor) -> None:
    where = await floor.talk(f"我的身份证 {ID_CARD} 帮我订房")
    await mark(floor, where, "lin", "book_room")
    await review(floor, where, "bo")
    assert (await marks(floor))[0].words == ("我的身份证 11**************3X 帮我订房",)
    assert ID_CARD not in str(await learned(floor))


async def test_one_hotel_sees_nothing_of_another(floor: Floor) -> None:
    mine = await floor.talk("早饭在哪儿吃")
    theirs = await floor.talk("泳池开吗", account=f"wx-{TWO}")
    for where, intent in ((mine, "ask_breakfast"), (theirs, "ask_pool")):
        await mark(floor, where, "lin", intent)
        await review(floor, where, "bo")
    assert await learned(floor, ONE) == [("ask_breakfast", "早饭在哪儿吃")]
    assert await learned(floor, TWO) == [("ask_pool", "泳池开吗")]
    crossed = Desk(TWO, mine.row.id, floor.people["lin"], True, KNOWN, floor.clock.now())
    commit = floor.dispatch.commit
    for work in (
        lambda tx: corrections.mark(tx, commit, crossed, 3, Kind.MISREAD, "ask_gym"),
        lambda tx: corrections.withdraw(tx, commit, crossed, 3),
    ):
        assert await refused(floor.dispatch.transact(work)) == "not_found"


# ---- the file to train on


async def test_accepted_marks_of_all_hotels_become_a_file(
    floor: Floor, database_url: str, make_settings: SettingsMaker, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "corrections.yml"
    arguments = argparse.Namespace(action="export", out=out)
    settings = make_settings(DATABASE_URL=database_url)

    async def export() -> str:
        assert await asyncio.to_thread(command.run, arguments, settings) == 0
        return capsys.readouterr().out

    read = {"entity": "item", "value": "早饭", "raw": "早饭", "start": 0, "end": 2}
    floor.engine.turns = [read_as("greet", 0.61, (read,)), read_as("greet", 0.61, (read,))]
    mine = await floor.talk("早饭在哪儿吃")
    theirs = await floor.talk("泳池明天开吗", account=f"wx-{TWO}")
    (said,) = [e for e, _ in await floor.thread(mine) if e.type == "assistant_said"]
    assert said.body["entities"] == [{"entity": "item", "start": 0, "end": 2}]  # and no word
    await mark(floor, mine, "lin", "ask_breakfast")
    assert "no correction is accepted" in await export()
    assert not out.exists()
    await review(floor, mine, "bo")
    await mark(floor, theirs, "lin", "ask_pool")
    await review(floor, theirs, "bo", entities=(Place(2, 4, "date"),))
    assert "2 examples of 2 intents from 2 hotels" in await export()
    blocks = yaml.safe_load(out.read_text("utf-8"))["nlu"]
    assert [(block["intent"], block["examples"]) for block in blocks] == [
        ("ask_breakfast", "- [早饭](item)在哪儿吃\n"),  # as it was read
        ("ask_pool", "- 泳池[明天](date)开吗\n"),  # as the reviewer says
    ]
    await floor.dispatch.erase(ONE, GuestId(mine.row.guest))
    assert "1 example of 1 intent from 1 hotel." in await export()
    assert "早饭" not in out.read_text("utf-8")
    await floor.dispatch.erase(TWO, GuestId(theirs.row.guest))
    await export()
    assert not out.exists()


async def test_an_intent_that_is_gone_is_refused_and_nothing_is_written(
    floor: Floor, database_url: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    where = await floor.talk("早饭在哪儿吃")
    await mark(floor, where, "lin", "ask_breakfast")
    await review(floor, where, "bo")
    shutil.copytree(ROOT / "texts", tmp_path / "texts")
    for file in (tmp_path / "texts").glob("*.yml"):
        file.write_text(file.read_text("utf-8").replace("intent_ask_breakfast:", "intent_ask_brunch:"))
    settings = make_settings(DATABASE_URL=database_url, TEXTS_DIR=tmp_path / "texts")
    out = tmp_path / "corrections.yml"
    with pytest.raises(CommandFailed, match="ask_breakfast"):
        await asyncio.to_thread(command.run, argparse.Namespace(action="export", out=out), settings)
    assert not out.exists()


# ---- the desk's API


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_HASHER", quick)


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    url = f"http://127.0.0.1:{free_port()}"
    async with serving(make_settings(RASA_URL=url, ENGINE_TIMEOUT=0.5)) as made:
        yield made


async def asked(site: Site, words: str = "早饭在哪儿吃") -> str:
    """A guest's question that has had its answer; the path of that answer at the desk."""
    visitor = await site.browser()
    assert (await visitor.send(words, "client-0001"))[0] == 200
    for _ in range(200):
        found = await site.sql("SELECT conversation_id, seq FROM events WHERE type = 'assistant_said'")
        if found:
            return f"conversations/{found[0][0]}/events/{found[0][1]}"
        await asyncio.sleep(0.05)
    raise AssertionError("nobody answered")


async def test_two_people_mark_and_review_at_the_desk(site: Site) -> None:
    answer, agent, admin = await asked(site), await site.signed_in("agent"), await site.signed_in("admin")
    status, intents = await agent.desk("GET", "intents")
    assert (status, len(intents["intents"])) == (200, 70)
    assert {"name": "ask_breakfast", "titles": {"zh": "问早餐", "en": "ask about breakfast"}} in intents[
        "intents"
    ]
    said = {"kind": "misread", "intent": "ask_breakfast"}
    status, body = await agent.desk("POST", f"{answer}/correct", said)
    assert (status, body["event"]["type"], body["event"]["actor"]["name"]) == (
        200,
        "reading_corrected",
        "员工agent",
    )
    _, listed = await admin.desk("GET", "corrections")
    (shown,) = listed["corrections"]
    assert (shown["words"], shown["intent"], shown["by"]["name"]) == (
        ["早饭在哪儿吃"],
        "ask_breakfast",
        "员工agent",
    )
    assert (shown["own"], shown["review"], listed["counts"]["open"]) == (False, None, 1)
    place = {"entity": "item", "start": 0, "end": 2}
    verdict = {"mark": shown["mark"], "verdict": "accepted", "entities": [place]}
    within = {**verdict, "entities": [place, {**place, "start": 1}]}
    beyond = {**verdict, "entities": [{**place, "start": 4, "end": 7}]}  # of six characters
    for wrong in (within, beyond):
        assert (await admin.desk("POST", f"{answer}/review", wrong))[0] == 400
    assert (await admin.desk("POST", f"{answer}/review", verdict))[0] == 200
    _, listed = await admin.desk("GET", "corrections?state=accepted")
    assert listed["corrections"][0]["entities"] == [place]
    assert listed["corrections"][0]["review"]["by"]["name"] == "员工admin"
    assert listed["counts"] == {"open": 0, "accepted": 1, "refused": 0}


async def test_an_administrator_can_not_review_their_own_mark(site: Site) -> None:
    answer, admin = await asked(site), await site.signed_in("admin")
    await admin.desk("POST", f"{answer}/correct", {"kind": "misread", "intent": "ask_breakfast"})
    _, listed = await admin.desk("GET", "corrections")
    assert listed["corrections"][0]["own"] is True
    verdict = {"mark": listed["corrections"][0]["mark"], "verdict": "accepted"}
    status, body = await admin.desk("POST", f"{answer}/review", verdict)
    assert (status, body["error"]["code"]) == (403, "own_mark")
    assert "另一位同事" in body["error"]["message"]


async def test_only_administrators_review_and_only_in_their_hotel(site: Site) -> None:
    answer, agent, far = await asked(site), await site.signed_in("agent"), await site.signed_in("far")
    await agent.desk("POST", f"{answer}/correct", {"kind": "misread", "intent": "ask_breakfast"})
    verdict = {"mark": 1, "verdict": "accepted"}
    assert (await agent.desk("GET", "corrections"))[1]["error"]["code"] == "forbidden"
    assert (await agent.desk("POST", f"{answer}/review", verdict))[1]["error"]["code"] == "forbidden"
    for hotel, expected in (("xinghaihui", 403), ("yunting", 404)):
        assert (await far.desk("POST", f"{answer}/review", verdict, hotel))[0] == expected
        assert (await far.desk("POST", f"{answer}/correct", {"kind": "wrong_answer"}, hotel))[0] == expected
    assert (await far.desk("GET", "corrections", hotel="yunting"))[1]["corrections"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request"),
        ({"kind": "else"}, "bad_request"),
        ({"kind": "misread"}, "unknown_intent"),
        ({"kind": "misread", "intent": "DROP TABLE"}, "unknown_intent"),
        ({"kind": "misread", "intent": 7}, "bad_request"),
        ({"kind": ["misread"], "intent": "greet"}, "bad_request"),
    ],
)
async def test_no_mark_from_what_is_none(site: Site, body: object, code: str) -> None:
    answer, agent = await asked(site), await site.signed_in("agent")
    status, said = await agent.desk("POST", f"{answer}/correct", body)
    assert (status, said["error"]["code"]) == (400, code)
    assert await site.sql("SELECT 1 FROM events WHERE type = 'reading_corrected'") == []


async def test_a_mark_is_taken_back_at_the_desk_and_guests_hear_of_none(site: Site) -> None:
    answer, agent = await asked(site), await site.signed_in("agent")
    await agent.desk("POST", f"{answer}/correct", {"kind": "misread", "intent": "ask_breakfast"})
    _, polled = await (await site.browser()).poll()
    assert "corrected" not in json.dumps(polled)
    assert (await agent.desk("DELETE", f"{answer}/correct"))[0] == 200
    assert (await agent.desk("DELETE", f"{answer}/correct"))[1]["error"]["code"] == "not_marked"
