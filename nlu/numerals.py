"""Chinese and Arabic numerals to numbers. Pure; knows no units."""

from __future__ import annotations

import re

DIGITS = {
    "零": 0, "〇": 0, "o": 0, "一": 1, "幺": 1, "壹": 1, "二": 2, "两": 2, "俩": 2, "贰": 2, "三": 3, "仨": 3,
    "叁": 3, "四": 4, "肆": 4, "五": 5, "伍": 5, "六": 6, "陆": 6, "七": 7, "柒": 7, "八": 8, "捌": 8, "九": 9, "玖": 9,
}  # fmt: skip
SCALES = {"十": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10000}
TENS = {"廿": "二十", "卅": "三十"}
ENGLISH = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "thirty": 30,
}  # fmt: skip

CHAR = "零〇一二两三四五六七八九十百千万廿卅壹贰叁肆伍陆柒捌玖佰仟"
ARABIC = r"\d+(?:,\d{3})*(?:\.\d+)?"
CHINESE = rf"[{CHAR}]+"
NUMBER = rf"(?:{ARABIC}万?|{CHINESE}|半)"
_SPELLED = re.compile(r"[零〇一二两三四五六七八九幺]+")


def number(text: str) -> float | None:
    """The value of one numeral: 12, 1,200, 3.5, 十二, 一百二 (120), 两百零五, 半 (0.5). None if it is none."""
    if text == "半":
        return 0.5
    if text[:1].isdigit():
        return _arabic(text)
    return _chinese(text)


def whole(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and value == int(value) else None


def _arabic(text: str) -> float | None:
    scale = 10000 if text.endswith("万") else 1
    try:
        return float(text.rstrip("万").replace(",", "")) * scale
    except ValueError:
        return None


def _chinese(text: str) -> float | None:
    for short, long in TENS.items():
        text = text.replace(short, long)
    if not text or any(char not in DIGITS and char not in SCALES for char in text):
        return None
    if not any(char in SCALES for char in text):
        return float("".join(str(DIGITS[char]) for char in text))
    return _scaled(text)


def _scaled(text: str) -> float:
    total, below, digit, last = 0, 0, 0, 1
    for at, char in enumerate(text):
        if char in DIGITS:
            digit = DIGITS[char]
            if at == len(text) - 1 and last > 10 and text[at - 1] in SCALES:
                return float(total + below + digit * last // 10)  # 一百二 is 120
            continue
        last = SCALES[char]
        if last == 10000:
            total, below = (total + below + digit) * last, 0
        else:
            below += (digit or (1 if last == 10 else 0)) * last
        digit = 0
    return float(total + below + digit)


def spelled(text: str) -> str | None:
    """Digits read out one by one (一二零八, 幺三八…) as a string of digits, else None."""
    if not _SPELLED.fullmatch(text):
        return None
    return "".join(str(DIGITS[char]) for char in text)
