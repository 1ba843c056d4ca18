"""A line in the guest's language, and never a foreign line for a Chinese."""

import pytest

from nlu.languages import foreign


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("朝食は何時からですか", "ja"),
        ("수건 좀 더 주세요", "ko"),
        ("Во сколько завтрак?", "ru"),
        ("كم سعر الغرفة؟", "ar"),
        ("ห้องพักราคาเท่าไหร่", "th"),
        ("Où se trouve la piscine ?", "fr"),
        ("¿A qué hora es el desayuno?", "es"),
        ("Wann gibt es Frühstück?", "de"),
        ("what time is breakfast", "en"),
        ("WiFi密码多少", None),
        ("wifi password", None),
        ("ok 3q", None),
        ("late check out可以吗", None),
        ("無線網密碼", None),
        ("の", None),
        ("123456", None),
        ("", None),
    ],
)
def test_language(text: str, language: str | None) -> None:
    assert foreign(text) == language
