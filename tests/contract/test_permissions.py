"""Every route of the desk and every role: who gets in, written down here a second time on purpose."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.http.permissions import FRAMES, HOTEL, OWN, SIGN_IN
from bot.roles import Role
from tests.conftest import SettingsMaker
from tests.contract.site import SOON, Site, frames, serving
from tests.contract.test_desk import guest
from tests.contract.test_http import filled, routes
from tests.servers import free_port

LETTERS = dict(zip("tasmAr", Role, strict=True))

# t trainee, a agent, s senior, m duty manager, A administrator, r auditor (reads).
ROUTES = """
tasmAr GET    /conversations
tasmAr GET    /conversations/{conversation}
tasmAr GET    /conversations/{conversation}/card
tasmAr POST   /conversations/{conversation}/read
tasmA- POST   /conversations/{conversation}/claim
tasmA- POST   /conversations/{conversation}/release
tasmA- POST   /conversations/{conversation}/transfer
tasmA- POST   /conversations/{conversation}/note
tasmA- POST   /conversations/{conversation}/snooze
tasmA- POST   /conversations/{conversation}/wake
-asmA- POST   /conversations/{conversation}/take-over
--smA- POST   /conversations/{conversation}/whisper
tasmA- POST   /conversations/{conversation}/acknowledge
tasmA- POST   /conversations/{conversation}/reply
--smA- POST   /conversations/{conversation}/drafts/{seq}/approve
tasmA- POST   /conversations/{conversation}/drafts/{seq}/refuse
-asmA- POST   /conversations/{conversation}/files
-asmA- GET    /conversations/{conversation}/closing
-asmA- POST   /conversations/{conversation}/close
-asmA- POST   /conversations/{conversation}/resend
tasmA- POST   /conversations/{conversation}/promises
tasmA- POST   /conversations/{conversation}/events/{seq}/no-promise
---mA- POST   /conversations/{conversation}/events/{seq}/sealed
tasmA- POST   /conversations/{conversation}/events/{seq}/correct
tasmA- DELETE /conversations/{conversation}/events/{seq}/correct
---mA- POST   /conversations/{conversation}/events/{seq}/review
-asmA- POST   /conversations/{conversation}/events/{seq}/draft
-asmA- POST   /guests/{guest}/link
-asmA- POST   /identities/{identity}/unlink
tasmAr GET    /orders
tasmA- POST   /orders/{order}/take
tasmA- POST   /orders/{order}/done
tasmAr GET    /promises
tasmA- POST   /promises/{promise}
tasmA- POST   /promises/{promise}/kept
tasmA- POST   /promises/{promise}/broken
tasmAr GET    /feed
tasmAr GET    /feed/poll
tasmAr POST   /search
tasmAr GET    /colleagues
tasmAr GET    /intents
---mA- GET    /corrections
---mAr GET    /today
tasmAr GET    /handovers/now
tasmAr GET    /handovers
tasmA- POST   /handovers
tasmAr GET    /handovers/{handover}
tasmA- POST   /handovers/{handover}/sign
tasmAr GET    /knowledge
tasmAr GET    /knowledge/points/{point}
tasmAr GET    /knowledge/export
tasmAr GET    /knowledge/questions
-asmA- GET    /knowledge/import
-asmA- POST   /knowledge/import
-asmA- POST   /knowledge/points
-asmA- POST   /knowledge/points/{point}
-asmA- POST   /knowledge/points/{point}/approve
-asmA- POST   /knowledge/points/{point}/retire
-asmA- POST   /knowledge/approve
-asmA- POST   /knowledge/preview
-asmA- POST   /knowledge/precedence
-asmA- POST   /knowledge/questions/settle
tasmAr GET    /knowledge/facts
tasmAr GET    /knowledge/facts/{fact}
-asmA- POST   /knowledge/facts/{fact}
-asmA- POST   /knowledge/facts/{fact}/preview
tasmAr GET    /conversations/{conversation}/phrases
---mA- GET    /phrases
---mA- POST   /phrases
---mA- GET    /phrases/{phrase}
---mA- POST   /phrases/{phrase}
---mA- POST   /phrases/{phrase}/retire
tasmA- POST   /conversations/{conversation}/decline
tasmA- POST   /conversations/{conversation}/pass-on
tasmA- PUT    /conversations/{conversation}/vip
tasmAr GET    /departments
tasmA- PUT    /presence
---mAr GET    /staff
---mAr GET    /staff/{staff}/holds
----A- PUT    /staff/{staff}/post
----A- POST   /staff/{staff}/role
----A- POST   /staff/{staff}/deactivate
"""

SENT = """
tasmAr ping
tasmAr follow
tasmAr unfollow
tasmA- typing
"""


def table(text: str) -> dict[str, set[Role]]:
    rows = [line.partition(" ") for line in text.strip().splitlines()]
    return {" ".join(what.split()): {LETTERS[x] for x in who if x != "-"} for who, _, what in rows}


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with serving(make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)) as made:
        yield made


async def become(site: Site, role: str) -> None:
    """Whoever is signed in as the agent is somebody else from now on."""
    of = "(SELECT staff_id FROM staff WHERE login = 'agent')"
    await site.sql(f"UPDATE memberships SET role = '{role}' WHERE staff_id = {of}")


def desk_routes(site: Site) -> set[str]:
    """Method and path below the hotel's, of every route that isn't one's own."""
    found = {(m, p) for m, p in routes(site) if p.startswith("/desk/v1/") and m != "HEAD"}
    return {f"{m} {p.removeprefix(HOTEL)}" for m, p in found - OWN - {SIGN_IN}}


async def test_each_role_gets_through_the_doors_that_are_its_own(site: Site) -> None:
    expected = table(ROUTES)
    assert desk_routes(site) == set(expected), "a route without a line, or a line without a route"
    browser, wrong = await site.signed_in(), []
    for role in (*Role, "of_a_later_release"):
        await become(site, role)
        for route, roles in expected.items():
            method, path = route.split()
            status, body = await browser.call(method, filled(HOTEL + path), {} if method[0] == "P" else None)
            refused = status == 403 and body["error"]["code"] == "forbidden"
            if refused == (role in roles):
                wrong.append((role, route, status))
    assert not wrong


async def test_each_frame_is_taken_from_the_roles_that_may_send_it(site: Site) -> None:
    expected = table(SENT)
    assert set(expected) == set(FRAMES)
    assert expected["typing"] == set(Role) - {Role.AUDITOR}
    agent, boss = await site.signed_in(), await site.signed_in("admin")
    id_ = await guest(site, "a", "找人")
    watching = await boss.feed(follow={id_: 0})
    await frames(watching, "snapshot")
    await become(site, "auditor")
    reading = await agent.feed()
    await frames(reading, "snapshot")
    for kind in ("typing", "ping"):
        await reading.send_json({"type": kind, "conversation": id_})
    await frames(reading, "pong")  # what was sent before has been dealt with
    await become(site, "agent")
    assert (await reading.receive(timeout=20)).data == 4401, "another role comes back anew"
    writing = await agent.feed()
    await frames(writing, "snapshot")
    await boss.desk("POST", f"conversations/{id_}/note", {"text": "先看看", "client_id": "n"})
    seen = await frames(watching, "events")
    assert not [frame for frame in seen if frame["type"] == "typing"]
    await writing.send_json({"type": "typing", "conversation": id_})
    who = [frame["who"] for frame in await frames(watching, "typing") if frame["type"] == "typing"]
    assert who[0][0].startswith("staff:")


async def test_an_administrator_gives_a_role_up_to_a_day_and_it_ends(site: Site) -> None:
    boss, agent = await site.signed_in("admin"), await site.signed_in()
    _, listed = await boss.desk("GET", "staff")
    ids = {one["login"]: one["id"] for one in listed["staff"]}
    for body, status in (
        ({"role": "king"}, 400),
        ({"role": "senior", "until": "2020-01-01"}, 400),
        ({"role": "senior", "until": "soon"}, 400),
        ({"role": "senior", "until": "2099-12-31"}, 200),
    ):
        assert (await boss.desk("POST", f"staff/{ids['agent']}/role", body))[0] == status, body
    assert (await boss.desk("POST", f"staff/{ids['admin']}/role", {"role": "agent"}))[0] == 409
    assert (await boss.desk("POST", "staff/nobody/role", {"role": "agent"}))[0] == 404
    _, listed = await boss.desk("GET", "staff")
    told = {one["login"]: (one["role"], one["until"], one["expired"]) for one in listed["staff"]}
    assert told["agent"] == ("senior", "2099-12-31", False)
    _, session = await agent.call("GET", "/desk/v1/session")
    assert "approve" in session["hotels"][0]["may"]
    await site.sql(
        "UPDATE memberships SET expires_at = '2026-01-01T00:00:00.000000+00:00' WHERE role = 'senior'"
    )
    status, body = await agent.desk("GET", "conversations")
    assert (status, body["error"]["code"]) == (403, "foreign_hotel")
    assert (await agent.call("GET", "/desk/v1/session"))[1]["hotels"] == []
    _, listed = await boss.desk("GET", "staff")
    assert [one["login"] for one in listed["staff"] if one["expired"]] == ["agent"]


async def test_a_trainee_takes_back_what_they_wrote_and_nobody_elses(site: Site) -> None:
    trainee, other = await site.signed_in(), await site.signed_in("admin")
    id_ = await guest(site, "t", "找人")
    await site.sql("UPDATE memberships SET role = 'trainee'")
    status, drafted = await trainee.desk(
        "POST", f"conversations/{id_}/reply", {"text": "好", "client_id": "1"}
    )
    assert (status, drafted["event"]["type"]) == (200, "reply_drafted")
    refuse = f"conversations/{id_}/drafts/{drafted['event']['seq']}/refuse"
    status, body = await other.desk("POST", refuse, {})
    assert (status, body["error"]["code"]) == (403, "forbidden")
    assert (await trainee.desk("POST", refuse, {}))[0] == 200


async def test_who_looks_is_told_to_whoever_may_see_it_and_an_auditor_is_not_shown(site: Site) -> None:
    agent, boss, far = [await site.signed_in(login) for login in ("agent", "admin", "far")]
    id_ = await guest(site, "a", "找人")
    elsewhere = await far.feed("yunting", follow={id_: 0})
    watching = await boss.feed()
    await frames(watching, "snapshot")
    opened = await agent.feed(follow={id_: 0})
    looks = (await frames(watching, "looking"))[-1]["looking"]
    assert [one["name"] for one in looks.pop(id_)] == ["员工agent"]
    assert looks == {}
    await opened.send_json({"type": "unfollow", "conversation": id_})
    assert (await frames(watching, "looking"))[-1]["looking"] == {}
    await opened.send_json({"type": "follow", "conversation": id_, "after": 0})
    assert (await frames(watching, "looking"))[-1]["looking"] != {}
    await opened.close()  # the page is gone
    assert (await frames(watching, "looking"))[-1]["looking"] == {}
    await become(site, "auditor")
    reading = await agent.feed(follow={id_: 0})
    await watching.send_json({"type": "follow", "conversation": id_, "after": 0})
    told = (await frames(reading, "looking"))[-1]["looking"]
    assert [one["name"] for one in told[id_]] == ["员工admin"]
    for words in ("先看看", "再看看"):  # a page hears of looks after it has heard of events
        await boss.desk("POST", f"conversations/{id_}/note", {"text": words, "client_id": words})
        assert "looking" not in [frame["type"] for frame in await frames(watching, "events")]
    await elsewhere.send_json({"type": "ping"})
    assert "looking" not in [frame["type"] for frame in await frames(elsewhere, "pong")]
