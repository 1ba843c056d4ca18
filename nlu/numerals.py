"""Chinese and Arabic numerals to numbers. Pure; knows no units."""

from __future__ import annotations

import re

DIGITS = {
    "零": 0, "〇": 0, "o": 0, "一": 1, "幺": 1, "壹": 1, "二": 2, "两": 2, "俩": 2, "贰": 2, "三": 3, "仨": 3,
    "叁": 3, "四": 4, "肆": 4, "五": 5, "伍": 5, "六": 6, "陆": 6, "七": 7, "柒": 7, "八": 8, "捌": 8, "九": 9, "玖": 9,
}  # fmt: skip
SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10_000, "亿": 100_000_000}
TENS = {"廿": "二十", "卅": "三十"}
ENGLISH = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "twenty": 20, "thirty": 30,
}  # fmt: skip

CHAR = "零〇一二两三四五六七八九十百千万亿廿卅壹贰叁肆伍陆柒捌玖佰仟"
ARABIC = r"\d+(?:,\d{3})*(?:\.\d+)?"
CHINESE = rf"[{CHAR}]+"
NUMBER = rf"(?:\d+万\d+[百千]?|{ARABIC}[百千万亿]?|{CHINESE}|半)"
_PARTS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|.", re.DOTALL)
_LOOSE = re.compile(r"[一二两三四五六七八九](?P<high>[二两三四五六七八九])(?P<scale>[十百千万]?)")
_SPELLED = re.compile(r"[零〇一二两三四五六七八九幺]+")


def number(text: str) -> float | None:
    """The value of one numeral: 12, 1,200, 3.5, 十二, 一百二 (120), 5万4千, 半 (0.5). None if it is none."""
    if text == "半":
        return 0.5
    for short, long in TENS.items():
        text = text.replace(short, long)
    parts = _PARTS.findall(text.replace(" ", ""))
    if not parts or any(not _is_part(part) for part in parts):
        return None
    if all(part in DIGITS for part in parts):
        return float("".join(str(DIGITS[part]) for part in parts))
    if any(part in SCALES for part in parts):
        return _scaled(parts)
    return float(parts[0].replace(",", "")) if len(parts) == 1 else None


def whole(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and value == int(value) else None


def about(text: str) -> float | None:
    """What is more than enough: 两三 is 3, 五六十 60, 三五 5; any other numeral is itself."""
    loose = _LOOSE.fullmatch(text)
    return number(loose["high"] + loose["scale"]) if loose else number(text)


def _is_part(part: str) -> bool:
    return part in DIGITS or part in SCALES or part[0].isdecimal()


def _scaled(parts: list[str]) -> float:
    """Scales up to a thousand build a section, which 万 and 亿 lift; the last digit may leave its scale out."""
    total = section = digit = 0.0
    last = 1
    for at, part in enumerate(parts):
        if part not in SCALES:
            digit = DIGITS[part] if part in DIGITS else float(part.replace(",", ""))
            if at == len(parts) - 1 and last > 10 and parts[at - 1] in SCALES and digit < 10:
                digit *= last // 10  # 一百二 is 120
            continue
        last = SCALES[part]
        if last >= 10_000:
            total = (total + section + digit) * last if last > total else total + (section + digit) * last
            section = 0.0
        else:
            section += (digit or (1 if last == 10 else 0)) * last
        digit = 0.0
    return round(total + section + digit, 6)


def spelled(text: str) -> str | None:
    """Digits read out one by one (一二零八, 幺三八…) as a string of digits, else None."""
    if not _SPELLED.fullmatch(text):
        return None
    return "".join(str(DIGITS[char]) for char in text)
