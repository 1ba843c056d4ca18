"""Shift handover on the real application: frozen when who leaves signs, kept, provable, and erasable."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy.exc import DBAPIError

from bot import staff
from bot.commands.verify import examine
from bot.http.guard import DATABASE, DISPATCH
from bot.model import GuestId, HotelId
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, PASSWORD, SOON, TWO, Site, serving
from tests.contract.test_desk import guest
from tests.servers import free_port


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


async def fault(site: Site) -> str | None:
    async with site.app[DATABASE].read() as tx:
        return (await examine(tx))[2]


async def test_a_shift_is_signed_off_by_two_kept_for_ever_and_forgets_whom_it_must(site: Site) -> None:
    agent, admin, far = [await site.signed_in(login) for login in ("agent", "admin", "far")]
    waiting, held = await guest(site, "a", "有人吗"), await guest(site, "b", "要一张婴儿床")
    one = f"conversations/{held}"
    _, said = await agent.desk("POST", f"{one}/reply", {"text": "八点前给您送到", "client_id": "1"})
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    await agent.desk("POST", f"{one}/promises", {"seq": said["event"]["seq"], "due_at": due})

    def told(shown: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
        return {
            name: [(line["conversation"], line["text"]) for line in lines]
            for name, lines in shown["sections"].items()
            if lines
        }

    expected = {
        "waiting": [(waiting, "有人吗")],
        "held": [(held, "要一张婴儿床")],
        "promises": [(held, "八点前给您送到")],
    }
    _, now = await admin.desk("GET", "handovers/now")
    assert told(now) == expected
    status, answer = await agent.desk("POST", "handovers", {"note": "1208 的婴儿床盯一下"})
    assert status == 200, answer
    left = answer["handover"]
    assert told(left) == expected
    assert (left["left"]["name"], left["came"], left["note"]) == ("员工agent", None, "1208 的婴儿床盯一下")
    assert [p["id"] for p in (await admin.desk("GET", "handovers/now"))[1]["pending"]] == [left["id"]]
    place = f"handovers/{left['id']}"
    assert (await agent.desk("POST", f"{place}/sign", {}))[0] == 409  # nobody hands over to themselves
    for login, password, wanted in (("admin", "wrong", 403), ("far", PASSWORD, 409)):
        body = {"login": login, "password": password}
        assert (await agent.desk("POST", f"{place}/sign", body))[0] == wanted
    assert (await far.desk("GET", place, hotel=TWO))[0] == 404
    body = {"login": "admin", "password": PASSWORD}
    _, signed = await agent.desk("POST", f"{place}/sign", body)
    assert signed["handover"]["came"]["name"] == "员工admin"
    assert (await admin.desk("POST", f"{place}/sign", {}))[0] == 409
    await agent.desk("POST", f"{one}/close", {"reason": "solved"})
    _, kept = await admin.desk("GET", place)
    assert told(kept["handover"])["held"] == expected["held"]  # as it was, not as it is
    assert [h["number"] for h in (await admin.desk("GET", "handovers"))[1]["handovers"]] == [1]
    assert await fault(site) is None
    for change in (
        "DELETE FROM handovers",
        "UPDATE handovers SET body = '{}'",
        "UPDATE handovers SET note = 'x'",
    ):
        with pytest.raises(DBAPIError):
            await site.sql(change)
    (who,) = (await site.sql(f"SELECT guest_id FROM conversations WHERE conversation_id = '{held}'"))[0]
    await site.app[DISPATCH].erase(HotelId(ONE), GuestId(who))
    _, erased = await admin.desk("GET", place)
    assert (erased["handover"]["note"], erased["handover"]["erased"]) == (None, True)
    assert "婴儿床" not in str(erased)
    assert "八点前" not in str(erased)
    assert await fault(site) is None
