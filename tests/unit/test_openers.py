"""What opens a conversation and says nothing by itself."""

import pytest

from bot.openers import says_nothing


@pytest.mark.parametrize(
    "text",
    [
        "你好",
        "您好！",
        "在吗",
        "在嗎？",
        "你好，在吗",
        "有人在吗？？",
        "Hello~",
        "ｈｉ",
        "早上好呀😊",
        "请问",
        "你好 请问一下",
        "喂 在不在啊",
    ],
)
def test_openers(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "？",
        "😊",
        "你好早餐几点",
        "1208",
        "好的",
        "在几楼",
        "前台电话",
        "转人工",
        "你好" * 20,
        "hill",
        "谢谢",
        "早餐",
    ],
)
def test_what_says_something_or_nothing_at_all(text: str) -> None:
    assert not says_nothing(text)
