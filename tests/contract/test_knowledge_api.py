"""The desk's knowledge pages against the real application: editing, approval, files, open questions."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from bot.engine import EngineFailed, Turn
from bot.http import wechat
from bot.model import Answer, Handoff, Reason, Say
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, TWO, Browser, Site, serving
from tests.core import ScriptedEngine
from tests.servers import free_port

CRIB = {
    "title": "有婴儿床吗",
    "answer": "有的，{checkin_time:clock}后送到房间。",
    "variants": ["可以借婴儿床吗"],
}
ID_CARD = "11010519491231002X"


@pytest.fixture
async def site(database_url: str, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dist").mkdir()
    url = f"http://127.0.0.1:{free_port()}"
    async with serving(
        make_settings(DATABASE_URL=database_url, RASA_URL=url, FRONTEND_DIR=tmp_path / "dist")
    ) as made:
        made.app[wechat.WORKER].engine = ScriptedEngine()  # type: ignore[assignment]
        yield made


async def created(browser: Browser, **entry: Any) -> str:
    status, body = await browser.desk("POST", "knowledge/points", CRIB | entry)
    assert status == 201, body
    return str(body["point"]["id"])


async def code(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    assert "encountered" not in body["error"]["message"]
    return status, body["error"]["code"]


# ---- editing and approval


async def test_nobody_approves_what_they_have_edited(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    id_ = await created(agent)
    path = f"knowledge/points/{id_}"
    assert await code(await agent.desk("POST", f"{path}/approve", {"version": 1})) == (403, "own_edit")
    status, body = await admin.desk("POST", f"{path}/approve", {"version": 1})
    assert (status, body["point"]["state"], body["point"]["approved"]) == (200, "active", 1)
    assert body["versions"][0]["approved_by"]["name"] == "员工admin"
    # An administrator's own edit needs somebody else just as well.
    await admin.desk("POST", path, {**CRIB, "answer": "没有。", "base": 1})
    assert await code(await admin.desk("POST", f"{path}/approve", {"version": 2})) == (403, "own_edit")
    done = await admin.desk("POST", "knowledge/approve", {"points": [{"id": id_, "version": 2}]})
    assert done == (200, {"approved": 0, "refused": {"own_edit": 1}})
    _, body = await admin.desk("GET", path)
    assert (body["point"]["state"], body["point"]["approved"]) == ("changed", 1)


async def test_a_draft_shows_what_a_guest_would_read_and_what_is_missing(site: Site) -> None:
    agent = await site.signed_in()
    _, body = await agent.desk("GET", f"knowledge/points/{await created(agent)}")
    assert body["preview"]["text"] == "有的，下午2:00后送到房间。"
    _, shown = await agent.desk("POST", "knowledge/preview", {"answer": "收 {crib_price:money}。"})
    assert shown == {"text": None, "missing": ["crib_price"], "broken": None}
    _, shown = await agent.desk("POST", "knowledge/preview", {"answer": "收 {crib!}。"})
    assert shown["broken"]
    id_ = await created(agent, title="押金多少", answer="{crib_price}")
    _, body = await agent.desk("GET", f"knowledge/points/{id_}")
    assert body["point"]["missing"] == ["crib_price"]


async def test_two_who_edit_at_once_don_t_lose_each_others_words(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    path = f"knowledge/points/{await created(agent)}"
    assert (await admin.desk("POST", path, {**CRIB, "title": "婴儿床", "base": 1}))[0] == 200
    assert await code(await agent.desk("POST", path, {**CRIB, "title": "小床", "base": 1})) == (
        409,
        "outdated",
    )
    _, body = await agent.desk("GET", path)
    assert [(v["version"], v["title"]) for v in body["versions"]] == [(2, "婴儿床"), (1, "有婴儿床吗")]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"title": ""}, "point_title_empty"),
        ({"answer": "{"}, "point_answer_placeholder"),
        ({"valid_from": "2026-12-01", "valid_to": "2026-11-01"}, "point_valid_to_order"),
        ({"valid_to": "soon"}, "bad_request"),
        ({"variants": "x"}, "bad_request"),
        ({"variants": [7]}, "bad_request"),
        ({"channels": ["telex"]}, "point_channels_channel"),
    ],
)
async def test_what_can_not_be_kept_is_refused_with_words(
    site: Site, entry: dict[str, Any], expected: str
) -> None:
    agent = await site.signed_in()
    assert await code(await agent.desk("POST", "knowledge/points", CRIB | entry)) == (400, expected)


async def test_the_list_is_filtered_searched_and_counted(site: Site) -> None:
    agent = await site.signed_in()
    id_ = await created(agent, topic=None, valid_from=None, valid_to=None, channels=[])
    _, body = await agent.desk("GET", "knowledge?state=draft")
    assert [point["id"] for point in body["points"]] == [id_]
    assert body["counts"]["draft"] == 1
    assert body["counts"]["active"] > 20
    _, body = await agent.desk("GET", "knowledge?q=婴儿床")
    assert id_ in [point["id"] for point in body["points"]]
    _, body = await agent.desk("GET", "knowledge?topic=ask_pool")
    assert [point["id"] for point in body["points"]] == ["ask_pool"]
    _, body = await agent.desk("GET", "knowledge?q=没有这样的词")
    assert (body["points"], body["total"]) == ([], 0)


async def test_what_ends_within_two_weeks_is_shown_as_such(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    now = site.app[wechat.WORKER].clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    soon = await created(agent, valid_to=now.replace(year=now.year + 1).isoformat())
    await admin.desk("POST", f"knowledge/points/{soon}/approve", {"version": 1})
    _, body = await agent.desk("GET", "knowledge?state=expiring")
    assert body["points"] == []
    near = await created(agent, title="圣诞大餐", valid_to=now.isoformat())
    await admin.desk("POST", f"knowledge/points/{near}/approve", {"version": 1})
    _, body = await agent.desk("GET", "knowledge?state=expiring")
    assert [point["id"] for point in body["points"]] == [near]


async def test_what_is_taken_back_is_out_of_the_list_and_can_be_restored(site: Site) -> None:
    agent = await site.signed_in()
    _, body = await agent.desk("POST", "knowledge/points/ask_pool/retire", {})
    assert body["point"]["state"] == "retired"
    _, body = await agent.desk("GET", "knowledge?q=泳池&state=active")
    assert "ask_pool" not in [point["id"] for point in body["points"]]
    _, body = await agent.desk("POST", "knowledge/points/ask_pool/retire", {"gone": False})
    assert body["point"]["state"] == "active"


async def test_another_hotels_points_are_not_there(site: Site) -> None:
    agent, far = await site.signed_in(), await site.signed_in("far")
    id_ = await created(agent)
    assert (await far.desk("GET", f"knowledge/points/{id_}", hotel=TWO))[0] == 404
    assert (await far.desk("POST", f"knowledge/points/{id_}", CRIB, hotel=TWO))[0] == 404
    assert (await far.desk("POST", f"knowledge/points/{id_}/approve", {"version": 1}, hotel=TWO))[0] == 404
    assert (await far.desk("POST", f"knowledge/points/{id_}/retire", {}, hotel=TWO))[0] == 404
    assert (await far.desk("GET", f"knowledge/points/{id_}"))[0] == 403


async def test_a_number_that_identifies_does_not_reach_the_database(site: Site) -> None:
    agent = await site.signed_in()
    await created(agent, title=f"客人 {ID_CARD}", answer=ID_CARD)
    assert ID_CARD not in str(await site.sql("SELECT title, answer, variants FROM point_versions"))


# ---- files


async def imported(browser: Browser, name: str, content: bytes, dry: bool = True) -> tuple[int, Any]:
    return await browser.call(
        "POST", f"/desk/v1/hotels/{ONE}/knowledge/import?name={name}&dry={int(dry)}", content
    )


async def test_a_file_shows_its_difference_first_and_then_becomes_drafts(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    content = "id,title,answer\nask_pool,游泳池,关门了。\nnew,有伞吗,有。\nbad,,x\n".encode()
    status, body = await imported(agent, "a.csv", content)
    assert (status, body["new"], body["changed"], body["wrong_count"]) == (200, 1, 1, 1)
    assert [field["name"] for field in body["changes"][0]["fields"]] == ["answer"]
    assert "标题" in body["wrong"][0]["message"]
    assert (await agent.desk("GET", "knowledge/points/new"))[0] == 404
    assert (await imported(agent, "a.csv", content, dry=False))[0] == 200
    _, body = await agent.desk("GET", "knowledge/points/ask_pool")
    assert (body["point"]["state"], body["point"]["approved"]) == ("changed", 1)
    named = [{"id": "new", "version": 1}, {"id": "ask_pool", "version": 2}]
    assert (await agent.desk("POST", "knowledge/approve", {"points": named}))[1]["approved"] == 0
    assert (await admin.desk("POST", "knowledge/approve", {"points": named}))[1]["approved"] == 2
    _, again = await imported(agent, "a.csv", content)
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 2)


async def test_thousands_of_rows_are_taken_and_whoever_sent_them_sees_how_far_it_is(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    book = Workbook()
    book.active.append(["id", "标题", "答案"])
    for n in range(4_000):
        book.active.append([f"n{n}", f"第 {n} 问", "答"])
    out = io.BytesIO()
    book.save(out)
    taking = asyncio.create_task(imported(agent, "many.xlsx", out.getvalue(), dry=False))
    seen, others = set(), set()
    while not taking.done():
        seen.add(tuple((await agent.desk("GET", "knowledge/import"))[1].values()))
        others.add(tuple((await admin.desk("GET", "knowledge/import"))[1].values()))
        await asyncio.wait([taking], timeout=0.02)
    assert (await taking)[1]["new"] == 4_000
    assert (await agent.desk("GET", "knowledge?state=draft"))[1]["counts"]["draft"] == 4_000
    under_way = sorted(seen - {(0, 0)})
    assert under_way
    assert all(of == 4_000 and done % 500 == 0 for done, of in under_way)
    assert others == {(0, 0)}
    assert (await agent.desk("GET", "knowledge/import"))[1] == {"done": 0, "of": 0}


async def test_a_file_that_is_none_says_so(site: Site) -> None:
    agent = await site.signed_in()
    assert await code(await imported(agent, "a.pdf", b"x")) == (400, "file_kind")
    assert await code(await imported(agent, "a.xlsx", b"x")) == (400, "file_unreadable")
    assert await code(await imported(agent, "a.csv", b"a,b\n1,2\n")) == (400, "file_columns")


async def test_what_is_exported_changes_nothing_when_it_comes_back(site: Site) -> None:
    agent = await site.signed_in()
    await created(agent)
    _, content = await agent.desk("GET", "knowledge/export")
    _, body = await imported(agent, "back.csv", content.encode())
    assert (body["new"], body["changed"], body["wrong_count"]) == (0, 0, 0)
    assert body["unchanged"] > 20


# ---- open questions


async def ask(site: Site, text: str, *acts: Any, n: int = 0) -> tuple[str, list[dict[str, Any]]]:
    """A visitor's question that is read so; the conversation and its events, once it has been answered."""
    site.app[wechat.WORKER].engine.turns.append(Turn(acts, {}))  # type: ignore[attr-defined]
    visitor, token = await site.browser(), f"{n:043}"
    assert (await visitor.send(text, f"client-{n:04}-{len(text)}", token))[0] == 200
    agent = await site.signed_in()
    for _ in range(200):
        _, body = await agent.desk("GET", "conversations?state=BOT,WAITING")
        for row in body["conversations"]:
            _, thread = await agent.desk("GET", f"conversations/{row['id']}")
            said = [e["text"] for e in thread["events"] if e["type"] == "guest_said"]
            if text in said and thread["events"][-1]["type"] != "guest_said":
                return row["id"], thread["events"]
        await asyncio.sleep(0.05)
    raise AssertionError("no answer")


async def open_questions(browser: Browser) -> list[list[str]]:
    _, body = await browser.desk("GET", "knowledge/questions")
    return [[one["text"] for one in group["questions"]] for group in body["groups"]]


async def test_what_was_asked_in_vain_is_grouped_and_settled_by_a_point(site: Site) -> None:
    agent = await site.signed_in()
    lost = Handoff(Reason.LOW_CONFIDENCE)
    await ask(site, "附近有滑雪场吗", lost, n=1)
    await ask(site, "这边能滑雪不，附近哪有雪场", lost, n=2)
    await ask(site, "可以租自行车吗", Handoff(Reason.MISSING_FACT), n=3)
    await ask(site, "转人工", Handoff(Reason.HUMAN_HANDOFF), n=4)
    groups = await open_questions(agent)
    assert [sorted(group) for group in groups] == [
        sorted(["附近有滑雪场吗", "这边能滑雪不，附近哪有雪场"]),
        ["可以租自行车吗"],
    ]
    _, body = await agent.desk("GET", "knowledge/questions")
    await created(agent, title="附近有滑雪场吗", questions=body["groups"][0]["questions"])
    assert await open_questions(agent) == [["可以租自行车吗"]]
    _, body = await agent.desk("GET", "knowledge/questions")
    settled = await agent.desk(
        "POST", "knowledge/questions/settle", {"questions": body["groups"][0]["questions"]}
    )
    assert settled == (200, {"settled": 1})
    assert await open_questions(agent) == []


async def test_erased_words_are_gone_from_the_list(site: Site) -> None:
    agent = await site.signed_in()
    conversation, _ = await ask(site, "附近有滑雪场吗", Handoff(Reason.LOW_CONFIDENCE))
    assert await open_questions(agent) == [["附近有滑雪场吗"]]
    dispatch = site.app[wechat.WORKER].dispatch
    found = await site.sql(f"SELECT guest_id FROM conversations WHERE conversation_id = '{conversation}'")
    await dispatch.erase(ONE, found[0][0])  # type: ignore[arg-type]
    assert await open_questions(agent) == []


async def test_an_answer_marked_wrong_is_an_open_question_and_shows_its_point(site: Site) -> None:
    agent = await site.signed_in()
    conversation, events = await ask(site, "早上几点开饭", Answer("ask_breakfast"))
    said = next(e for e in events if e["type"] == "assistant_said")
    assert said["body"]["points"] == [{"id": "ask_breakfast", "version": 1, "title": "早餐"}]
    path = f"conversations/{conversation}/events"
    wrong = {"kind": "wrong_answer"}
    assert (await agent.desk("POST", f"{path}/{said['seq']}/correct", wrong))[0] == 200
    assert await open_questions(agent) == [["早上几点开饭"]]
    _, body = await agent.desk("GET", f"conversations/{conversation}")
    assert next(e for e in body["events"] if e["seq"] == said["seq"])["body"]["wrong"] is True


async def test_a_colleagues_answer_becomes_a_draft_that_its_writer_can_not_approve(site: Site) -> None:
    agent = await site.signed_in()
    conversation, _ = await ask(site, "附近有滑雪场吗", Handoff(Reason.LOW_CONFIDENCE))
    reply = {"text": f"有，打车 {{20}} 分钟。{ID_CARD}", "client_id": "client-0009"}
    _, body = await agent.desk("POST", f"conversations/{conversation}/reply", reply)
    seq = next(
        e["seq"]
        for e in (await agent.desk("GET", f"conversations/{conversation}"))[1]["events"]
        if e["type"] == "staff_said"
    )
    status, body = await agent.desk("POST", f"conversations/{conversation}/events/{seq}/draft", {})
    assert (status, body["point"]["state"]) == (201, "draft")
    assert (body["point"]["latest"]["title"], body["point"]["latest"]["source"]) == (
        "附近有滑雪场吗",
        "reply",
    )
    assert body["preview"]["text"].startswith("有，打车 {20} 分钟。")
    assert ID_CARD not in str(body)
    path = f"knowledge/points/{body['point']['id']}/approve"
    assert await code(await agent.desk("POST", path, {"version": 1})) == (403, "own_edit")
    assert (await agent.desk("POST", f"conversations/{conversation}/events/1/draft", {}))[0] == 404


async def test_who_writes_a_point_hears_what_goes_before_it(site: Site) -> None:
    engine, agent = ScriptedEngine(), await site.signed_in()
    site.app[wechat.WORKER].engine = engine  # type: ignore[assignment]
    engine.turns += [Turn((Say("service_ask_room"),), None, "luggage_storage"), EngineFailed("away")]
    asked = {"texts": ["能寄存行李吗", " "]}
    told = {"text": "能寄存行李吗", "kind": "service", "name": "寄存行李"}
    assert await agent.desk("POST", "knowledge/precedence", asked) == (200, {"asked": True, "before": [told]})
    failed = await agent.desk("POST", "knowledge/precedence", asked)
    assert failed == (200, {"asked": False, "before": []})
