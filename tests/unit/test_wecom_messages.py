"""企业微信客服's messages and ours, in the platform's forms: what each means, and what we send."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.channels.port import Option, Reply
from bot.channels.wecom import inbound
from bot.channels.wecom.render import attached, message

GOLDEN = Path(__file__).parents[1] / "golden/wecom"
MEANINGS = json.loads((GOLDEN / "messages/messages.json").read_text("utf-8"))
CHOICE = Reply("要哪一个？", (Option("明早七点", "明早七点"), Option("不用了", "不用了")))
SENT = {
    "text": message("wmGuest", "wkDesk", Reply("早餐七点到十点。")),
    "msgmenu": message("wmGuest", "wkDesk", CHOICE),
    "image": attached("wmGuest", "wkDesk", "image", "MEDIA_ID"),
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_golden_messages_mean_what_they_did(name: str) -> None:
    """Each as the platform's documentation shows it, with the fields that it has."""
    found, said = MEANINGS[name], inbound(golden(f"messages/{name}"))
    if found is None:
        assert said is None  # it names no guest
        return
    assert said is not None
    assert (said.kind, said.subtype, said.external_id) == (found["kind"], found["subtype"], found["from"])
    assert (said.text, dict(said.body), said.fetch) == (found["text"], found["body"], found["fetch"])
    assert said.message_key == found["key"]


def test_every_golden_message_is_written_down() -> None:
    names = {path.stem for path in (GOLDEN / "messages").glob("*.json")} - {"messages"}
    assert names == set(MEANINGS)


@pytest.mark.parametrize("name", sorted(SENT))
def test_what_we_send_has_the_platforms_form(name: str) -> None:
    assert SENT[name] == golden(f"sent_{name}")


def test_what_has_no_shape_is_logged_or_nobodys() -> None:
    read = inbound({"external_userid": "wm1", "msgid": "m", "origin": 3, "send_time": "x", "msgtype": 7})
    assert read
    assert (read.kind, read.subtype, read.sent_at) == ("other", "7", None)
    assert inbound({"msgtype": "text"}) is None
