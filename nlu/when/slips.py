"""Slips of the thumb in dates and times, put right character for character: 名天, 七典, 7;30.

The length never changes, so that a span of the result is the same span of the text. Only what can be nothing
else is touched.
"""

from __future__ import annotations

import re

_DIGIT = "0-9一二两三四五六七八九十"
_SLIPS = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"[名朋]天", "明天"),
        (r"(?<=[今明昨后])[夭无](?=[早晚上下中退入走住有,。 ]|$)", "天"),
        (r"旱上|早尚|旱尚", "早上"),
        (r"晚尚|宛上|莞上", "晚上"),
        (r"下舞|下捂", "下午"),
        (r"星其|星斯|心期", "星期"),
        (r"礼败|礼百(?=[一二三四五六日天])", "礼拜"),
        (rf"(?<=[{_DIGIT}])典(?!礼|当|藏|型)", "点"),
        (rf"(?<=[上午晨晚夜午][{_DIGIT}])店", "点"),
        (rf"(?<=[上午晨晚夜午][{_DIGIT}][{_DIGIT}])店", "点"),
        (rf"(?<=月[{_DIGIT}])曰|(?<=月[{_DIGIT}][{_DIGIT}])曰", "日"),
        (r"(?<=[^\d]\d)[;。](?=[0-5]\d(?!\d))|(?<=[^\d][012]\d)[;。](?=[0-5]\d(?!\d))", ":"),
    )
)


def put_right(text: str) -> str:
    for pattern, put in _SLIPS:
        text = pattern.sub(put, text)
    return text
