"""What each service order needs to be told before the front desk can act on it: one line per service.

Never on any list: identity numbers, cards, anything about a child. What isn't needed isn't asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from actions.heard import Heard

# Politeness and grammar: what is left of a message without these says something.
_EMPTY = re.compile(
    r"我们?|你们?|您|想要?|需要|要|帮忙?|麻烦|请问?|能不能|可不可以|可以|能否|能|给|来|一下|个|吗|呢|吧|了|的|啊|呀|哦"
    r"|有没有|有|没|不|是|在|把|就|好|谢谢|你好|怎么|如何|现在|马上|快点|服务|东西|一些|点|问题|办理?|弄|申请"
)


@dataclass(frozen=True)
class Service:
    """`needs`: what, room, when, in the order they are asked. `tells`: entities that make a message say what.
    `bare`: this service's own words, which alone say nothing (我要报修). Both empty: any words will do."""

    needs: tuple[str, ...] = ()
    tells: frozenset[str] = frozenset()
    bare: str = ""
    answered: bool = False  # the front desk has to answer yes or no: nothing is promised but that

    def says_what(self, heard: Heard) -> bool:
        if heard.all(*self.tells):
            return True
        return bool(self.bare) and len(_EMPTY.sub("", re.sub(self.bare, "", heard.plain))) >= 2


def _service(needs: str = "", tells: str = "", bare: str = "", *, answered: bool = False) -> Service:
    return Service(tuple(needs.split()), frozenset(tells.split()), bare, answered)


SERVICES: Mapping[str, Service] = {
    "book_room": _service("what", "date room_type quantity", answered=True),
    "query_booking": _service("what", "order_number phone person", answered=True),
    "modify_booking": _service("what", "date room_type order_number quantity", answered=True),
    "cancel_booking": _service("what", "order_number phone person date", answered=True),
    "ask_discount": _service(answered=True),
    "invoice": _service(
        "what", "", "发票|专票|普票|电子票?|纸质|增值税|公司|单位|个人|抬头|开具?|补|换|报销|票"
    ),
    "event_inquiry": _service("what", "date quantity", answered=True),
    "early_checkin": _service("when", answered=True),
    "ask_transfer": _service("what", "time date", answered=True),
    "luggage_storage": _service(),
    "luggage_pickup": _service(),
    "late_checkout": _service("when room", answered=True),
    "request_checkout": _service("room"),
    "extend_stay": _service(
        "what room", "date quantity", "续住?|多住|再住|继续住|延住|房间?|几[天晚]", answered=True
    ),
    "request_cleaning": _service("room"),
    "request_supplies": _service("what room", "item", r"送|拿|补|缺|用品|物品|房间"),
    "room_service": _service("what room", "item", r"点餐?|送餐?|叫|吃|餐|外卖|房间|菜单|夜宵|饭"),
    "report_repair": _service("what room", "device", r"报?修理?|维修|坏|师傅|派人|房间|设备|看看"),
    "change_room": _service("room", answered=True),
    "key_card_problem": _service("room"),
    "lost_and_found": _service("what", "item", r"丢|失物|招领|东西|落|忘|找|遗失|捡|房间"),
    "special_occasion": _service("what", "date", r"布置|惊喜|安排|房间|准备", answered=True),
}

# Asked in words of their own; every other service's `what` with the general question.
OWN_QUESTION = frozenset(name for name, service in SERVICES.items() if "what" in service.needs)
