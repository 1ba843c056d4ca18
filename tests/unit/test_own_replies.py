"""wechat.yml: what it may say, all its mistakes at once, and the menu that the platform is given."""

from typing import Any

import pytest

from bot import hotel_files
from bot.commands import simulate_wechat
from bot.hotel_files import BadHotel
from bot.own_replies import OwnReplies, menu_json
from tests.core import SAMPLE, documents


def own(wechat: dict[str, Any], account: str = "lobby") -> OwnReplies:
    return hotel_files.parse({**documents(), "wechat": wechat}).replies_of("wechat", account)


def mistakes(wechat: Any) -> tuple[str, ...]:
    with pytest.raises(BadHotel) as caught:
        hotel_files.parse({**documents(), "wechat": wechat})
    return caught.value.mistakes


KEYWORDS = {
    "keywords": [
        {"words": ["wifi"], "match": "contains", "topic": "ask_wifi"},
        {"words": ["WiFi 密码"], "reply": "在房卡套上"},
    ]
}


@pytest.mark.parametrize(
    ("said", "found"),
    [("ＷＩＦＩ密码。", "在房卡套上"), ("你们wifi多少", ""), ("wifi", ""), ("密码", None), ("", None)],
)
def test_a_keyword_meets_what_people_type_alike(said: str, found: str | None) -> None:
    met = own(KEYWORDS).keyword(said)
    assert (met.reply.text if met else None) == found


def test_an_account_may_have_its_own_beside_the_hotels() -> None:
    file = {"welcome": "大家好", **KEYWORDS, "accounts": {"spa": {"welcome": "水疗欢迎您"}}}
    assert own(file).welcome == "大家好"
    assert own(file, "spa").welcome == "水疗欢迎您"
    assert own(file, "spa").keywords == own(file).keywords


def test_the_menu_has_the_platforms_form() -> None:
    made = own(
        {
            "menu": [
                {
                    "name": "服务",
                    "items": [
                        {"name": "报修", "ask": "要报修"},
                        {"name": "官网", "url": "https://a.example"},
                    ],
                },
                {"name": "客服", "url": "chat"},
            ]
        }
    )
    assert menu_json(made, "https://desk.example/wechat/lobby/sign-in") == {
        "button": [
            {
                "name": "服务",
                "sub_button": [
                    {"type": "click", "name": "报修", "key": "报修"},
                    {"type": "view", "name": "官网", "url": "https://a.example"},
                ],
            },
            {"type": "view", "name": "客服", "url": "https://desk.example/wechat/lobby/sign-in"},
        ]
    }


@pytest.mark.parametrize(
    ("file", "mistake"),
    [
        ({"welcom": "x"}, "wechat.yml: welcom: is not a field we know"),
        ({"keywords": "x"}, "wechat.yml: keywords: must be a list"),
        (
            {"keywords": [{"words": ["x"]}]},
            "keywords 1: must have a reply or a topic: other words",
        ),
        ({"keywords": [{"words": ["x"], "ask": "y"}]}, "wechat.yml: keywords 1: must have a reply"),
        ({"keywords": [{"words": ["x"], "reply": "y", "match": "like"}]}, "match: must be exact or contains"),
        ({"keywords": [{"words": ["x"], "reply": "y", "to": "z"}]}, "keywords 1: to: is not a field we know"),
        ({"keywords": [{"words": ["x"], "topic": "nope"}]}, "nope is not a topic of knowledge.yml"),
        ({"menu": [{"name": "一二三四五六", "reply": "x"}]}, "must have at most 5 characters (16 bytes)"),
        ({"menu": [{"name": "甲"}]}, "menu 1: must have one of items, url, reply, topic and ask"),
        ({"menu": [{"name": "甲", "items": []}]}, "items: must be 1 to 5 buttons"),
        ({"menu": [{"name": str(n), "reply": "x"} for n in range(4)]}, "at most 3 buttons beside each other"),
        (
            {"menu": [{"name": "甲", "reply": "x"}, {"name": "甲", "reply": "y"}]},
            "two buttons have the key 甲",
        ),
        ({"menu": [{"name": "甲", "url": "ftp://x"}]}, "menu 1: url: must be an address"),
        ({"accounts": {"spa": {"nothing": 1}}}, "wechat.yml: accounts: spa: nothing: is not a field we know"),
        ("x", "wechat.yml: must be a list of `name: value`"),
    ],
)
def test_each_mistake_is_named(file: Any, mistake: str) -> None:
    assert any(mistake in line for line in mistakes(file)), mistakes(file)


def test_all_mistakes_are_named_at_once() -> None:
    assert len(mistakes({"welcom": "x", "menu": [{"name": "甲"}], "keywords": [{"words": "y"}]})) == 4


def test_an_import_shows_what_changes() -> None:
    before = hotel_files.parse(documents())
    after = hotel_files.parse({**documents(), "wechat": {"welcome": "新的欢迎语"}})
    lines = hotel_files.difference(before, after)
    assert "~ wechat.welcome: " in "\n".join(lines)
    assert any(line.startswith("- wechat.menu.住店服务/早餐时间") for line in lines)


def test_a_hotel_without_the_file_answers_nothing_by_itself() -> None:
    read = {name: found for name, found in hotel_files.read(SAMPLE).items() if name != "wechat"}
    assert hotel_files.parse(read).replies_of("wechat", "lobby") == OwnReplies()


def test_the_simulator_wears_the_menu_of_the_hotel_it_plays() -> None:
    menu = [{"name": "问一声", "key": "ask", "reply": "您说"}, {"name": "客服", "url": "chat"}]
    hotel = hotel_files.parse({**documents(), "wechat": {"menu": menu}})
    shown = simulate_wechat.menu("http://127.0.0.1/sign-in", hotel)["button"]
    assert [(one["name"], one.get("url")) for one in shown] == [
        ("问一声", None),
        ("客服", "http://127.0.0.1/sign-in"),
    ]
    assert simulate_wechat.menu("http://127.0.0.1/sign-in", None)["button"][0]["name"] == "住店服务"
