"""What is counted: 两罐可乐, 二十把椅子. The counter tells that a thing stands behind it, whatever the thing.

Pure; works on normalised text. What was learned from examples, and every other reader, comes first: this only
reads what they left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.found import Found, free

# Counters of what is brought to a room. 间, 位, 晚, 个, 张, 台, 套 and their like count much else too.
_COUNTERS = frozenset("瓶罐听樽支盒包袋杯壶桶碗碟盘卷双把根床条份串扎")
_STOPS = (
    "的了和跟与及到送来给上下去吧吗呢啊呀嘛哦哈谢要多放怎什能行好就还再是有没请麻不另至端都切一啥会加全根"
)
_VERBS = "每贵够坏算钱过太先改换退吃喝用做帮抽借配庆并洗想我你他重厚大长薄"
_THING = re.compile(
    rf"(?P<thing>(?:(?!可(?!乐)|[{_STOPS}{_VERBS}])[\u4e00-\u9fff]){{2,5}}|[水纸粥面饭汤酒醋糖盐茶冰笔伞鞋])"
    rf"(?=$|[^\u4e00-\u9fff]|可|[{_STOPS}])(?!的)"
)
_NO_THING = re.compile(
    r"房|间|单|消息|短信|信息|意见|建议|问题|发票|合同|文件|报告|股票|洗衣|签字|头发|证书|分析|路|街|时|天|晚|人|楼|电话|线$|左右|合计"
)


def find(text: str, taken: list[Found]) -> Iterator[Found]:
    """One thing behind each quantity of `taken`, where nothing else has been read there."""
    for one in taken:
        if one.entity == "quantity" and one.value["unit"] in _COUNTERS:
            match = _THING.match(text, one.end)
            if match and not _NO_THING.search(match["thing"]) and free(*match.span("thing"), taken):
                yield Found("item", match["thing"], match["thing"], *match.span("thing"))
