"""Departments, posts and presence over the desk's API, on the hotel's real file."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import SettingsMaker
from tests.contract.site import SOON, TWO, Site, frames, serving
from tests.servers import free_port


@pytest.fixture
async def site(database_url: str, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    made = make_settings(DATABASE_URL=database_url, RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)
    async with serving(made) as opened:
        yield opened


async def test_a_post_is_given_by_administrators_and_presence_is_ones_own_word(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    _, told = await agent.desk("GET", "departments")
    assert [one["id"] for one in told["departments"]][:2] == ["front_desk", "housekeeping"]
    mine = next(post["id"] for post in told["posts"] if post["name"] == "员工agent")
    post = {"departments": ["sales", "front_desk"], "skills": ["wine"], "capacity": 2}
    assert (await agent.desk("PUT", f"staff/{mine}/post", post))[0] == 403
    status, answer = await admin.desk("PUT", f"staff/{mine}/post", post)
    assert (status, answer["post"]["departments"]) == (200, ["front_desk", "sales"])
    assert (await admin.desk("PUT", f"staff/{mine}/post", {"departments": ["kitchen"]}))[0] == 400

    socket = await admin.feed()
    await frames(socket, "snapshot")
    assert (await agent.desk("PUT", "presence", {"presence": "asleep"}))[0] == 400
    assert (await agent.desk("PUT", "presence", {"presence": "on_duty"}))[0] == 200
    (seen,) = [one for one in (await frames(socket, "posts"))[-1]["posts"] if one["id"] == mine]
    assert (seen["presence"], seen["capacity"], seen["skills"]) == ("on_duty", 2, ["wine"])
    await agent.call("DELETE", "/desk/v1/session")
    (seen,) = [one for one in (await frames(socket, "posts"))[-1]["posts"] if one["id"] == mine]
    assert seen["presence"] == "off"


async def test_a_hotel_without_departments_is_told_nothing(site: Site) -> None:
    _, told = await (await site.signed_in("far")).desk("GET", "departments", hotel=TWO)
    assert told == {"departments": [], "skills": [], "assigns": False, "capacity": None, "posts": []}


async def test_a_guest_is_assigned_declined_taken_and_passed_on(site: Site) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    _, told = await agent.desk("GET", "departments")
    mine = next(post["id"] for post in told["posts"] if post["name"] == "员工agent")
    await admin.desk("PUT", f"staff/{mine}/post", {"departments": ["front_desk"]})
    await agent.desk("PUT", "presence", {"presence": "on_duty"})
    socket = await admin.feed()
    await frames(socket, "snapshot")
    await (await site.browser()).send("空调坏了", "client-0001")
    while not (row := (await frames(socket, "conversation"))[-1]["conversation"])["assigned"]:
        assert row["state"] in ("BOT", "WAITING")
    assert (row["assigned"]["name"], row["department"]) == ("员工agent", "front_desk")

    one = f"conversations/{row['id']}"
    assert (await admin.desk("POST", f"{one}/decline"))[1]["error"]["code"] == "not_assigned"
    assert (await agent.desk("POST", f"{one}/decline"))[1]["conversation"]["assigned"] is None
    assert (await admin.desk("PUT", f"{one}/vip", {"vip": "yes"}))[0] == 400
    assert (await admin.desk("PUT", f"{one}/vip", {"vip": True}))[1]["conversation"]["vip"] is True

    given = {"department": "engineering", "note": "出风口漏水", "client_id": "pass-0001"}
    assert (await agent.desk("POST", f"{one}/pass-on", given))[0] == 409
    await agent.desk("POST", f"{one}/claim")
    assert (await agent.desk("POST", f"{one}/pass-on", {**given, "department": "kitchen"}))[0] == 409
    for _ in range(2):  # a repetition is the same
        status, answer = await agent.desk("POST", f"{one}/pass-on", given)
        assert (status, answer["conversation"]["state"]) == (200, "WAITING")
    assert answer["conversation"]["department"] == "engineering"
    _, thread = await admin.desk("GET", one)
    noted = [event for event in thread["events"] if event["type"] == "staff_noted"]
    assert [event["text"] for event in noted] == ["出风口漏水"]
    assert [e["body"]["vip"] for e in thread["events"] if e["type"] == "vip_marked"] == [True]
