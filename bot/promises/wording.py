"""Whether a colleague's reply promises something: what the hotel still owes the guest after it.  Pure.

Read clause by clause: a promise names an act that is still to be done, by one of us, for this guest. What is
done already, holds for everybody, is asked, or is the guest's to do is none. tests/data/promises measures it.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from bot.promises.times import due_of

_CLAUSES = re.compile(r"[^，,。.！!；;\n？?…~～]+[？?]?")

_WE = r"(?:我们?|这边|咱们?|前台|客房|同事|师傅|阿姨|保洁|行李员|司机|经理|工程|管家|服务员|主管|叫人)"
_FOR = r"(?:给|帮|替|为)(?:您|你)"
_TELL = (
    r"(?:(?:告诉|通知|联系|回复?|答复|转告|提醒)(?:您|你)|跟(?:您|你)(?:说|讲|确认)|给(?:您|你)(?:回|答|信|一个|个)"
    r"|(?:退|还|寄|发|送|返回|补)给?(?:您|你))"
)
_SEE_TO = (
    r"(?:转达|反映|反馈|催|跟进|核对|核实|问一?下|问问|去问|查一?下|申请|安排|处理|协调|确认一?下|提醒|说一?声|说一下|找一|找找"
    r"|盯|负责|记下|备注一?下|联系一?下|沟通|去跟|去和|代收|争取)"
)
_DO = (
    r"(?:送|拿|补|换|修|打扫|收拾|清理|清洁|摆|布置|弄|放|寄|取|退|叫|接|来|到|上去|上楼|调试|挂|发|留|打包|道歉|解释"
    r"|开门|加|约|打电话|答复|搬|拖|装|准备|备|开|订|预留|保留|更换|消毒|熨|洗|做)"
)
_SOON = (
    r"(?:马上|立刻|立即|这就|一会儿?|待会儿?|等会儿?|稍后|晚点|尽快|随后|回头|今晚|今天|明天|明早|明晚|后天|上午|下午|晚上"
    r"|会(?!员|议)|肯定|一定|保证|去|再|之前|前(?!台)|[钟时]内|后(?=[^，]*(?:上去|过去|到|来|送)))"
)
_BY = (
    r"(?:[0-9一二两三四五六七八九十半][^，]{0,8}?(?:前|内|左右|就到|后)|[点:：][0-9一二三四五六七八九十半刻]*[^，]{0,3}?"
    r"|分钟就?)"
)
_RESULT = (
    r"(?:送(?:到|来|回|上|过)|就到|上门|接[机站您]|到大堂|打扫|弄好|修好|摆好|调试好|收拾|布置好|准备好)"
)

_PROMISES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_FOR}[^，]{{0,14}}?(?:{_DO}|{_SEE_TO}|说法|准信|交代|跟)",
        rf"{_WE}[^，]*?(?:{_TELL}|{_SEE_TO})",
        rf"{_WE}[^，]*?{_SOON}[^，]*?{_DO}",
        rf"{_WE}[^，]*?{_BY}[^，]*?{_DO}",
        _TELL,
        rf"{_BY}[^，]*?{_RESULT}",
        r"(?:马上|这就|立刻|立即|尽快)(?:就)?(?:来|到|去|送|安排|处理|上|过)",
        r"(?i:\b(?:we|i|he|she|they|housekeeping|the \w+|a \w+)(?:'ll|’ll| will)\b(?! not))",
        r"(?i:\blet me (?:check|ask|find|see|look|talk)\b|\b(?:get|come) back to you\b)",
    )
)
# A bare time before what is done by it: "10分钟，送水上来".
_BARE = re.compile(
    r"^(?:大概|大约|最多|差不多)?[0-9一二两三四五六七八九十半]+个?半?(?:分钟|小时|钟头)(?:左右|内)?$"
)
_BROUGHT = re.compile(r"^(?:送|拿|来|上|到)")

_ASKED = re.compile(
    r"[？?]$|吗|呢$|么$|要不要|需不需要|还是|是否|您看|几点|几位|几号|哪|什么|多少"
    r"|(?i:^\s*(?:would|shall|do|can|could) )"
)
_DONE = re.compile(
    r"已|刚(?!好)|昨|上次|过[了一]?次?$|过了|[^到好房修]了$|(?:到账|到位|好)了$|送到.*了|(?:升级|延|换)到.*了"
)
_GENERAL = re.compile(
    r"带来不便|一般|通常|每|营业|开放|服务|入场|班车|的话|会员可|可以|就能|才能|都是|当天|需要|收费|会收|祝|欢迎"
)
_REFUSED = re.compile(r"不(?:送|能|会|提供|可|在|收|了|是|太|好办)|没(?:法|有|人)|无法|做不了")
_GUESTS = re.compile(r"^(?:请|麻烦|劳烦|烦请|您|你|要是您)|麻烦|随时")
_OURS = re.compile(rf"{_WE}|{_FOR}|{_TELL}")


@dataclass(frozen=True)
class Offer:
    """What a reply may promise, for its writer to accept, change or refuse."""

    due_at: datetime
    guessed: bool


def offer(text: str, now: datetime) -> Offer | None:
    """The promise in a reply, if there is one; `now` is aware, in the hotel's zone."""
    clauses = [found.group().strip() for found in _CLAUSES.finditer(text)]
    pairs = zip(clauses, [*clauses[1:], ""], strict=True)
    if not any(_promises(clause) or _brings(clause, following) for clause, following in pairs):
        return None
    due = due_of(text, now)
    return Offer(due.at, due.guessed)


def _promises(clause: str) -> bool:
    if any(reason.search(clause) for reason in (_ASKED, _DONE, _GENERAL, _REFUSED)):
        return False
    if _GUESTS.search(clause) and not _OURS.search(clause):
        return False
    return any(pattern.search(clause) for pattern in _PROMISES)


def _brings(clause: str, following: str) -> bool:
    return bool(_BARE.match(clause) and _BROUGHT.match(following) and not _DONE.search(following))
