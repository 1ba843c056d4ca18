"""The few words a form must not misread, whatever the model makes of them: yes, no, never mind, change.

Only whole messages count (嗯, 对的, 算了不用了), never a word inside a longer sentence. The one exception is
a correction, which is recognised by how it begins and counts only together with a new value.
"""

import re

from actions.heard import Heard

SURE = 0.9  # the least confidence with which the model alone may say yes or no

_TAIL = r"[的吧呀啊哦噢呢嘛啦了哈呗吗]*"


def _any(words: str) -> str:
    """A pattern of these words, each of which may end in particles."""
    return f"(?:{'|'.join(words.split())}){_TAIL}"


_YES = _any(
    "嗯 恩 是 对 好 行 可以 没错 没问题 确认 确定 就这样 就这么定 这样 ok okay yes 好嘞 中 要得 成 正确 妥"
)
_THANKS = _any("麻烦 谢谢 多谢 谢 辛苦 您 你")
_AGREE = re.compile(f"(?:{_THANKS})*(?:{_YES})+(?:{_YES}|{_THANKS})*", re.IGNORECASE)
_GIVE_UP = re.compile(
    "(?:那|还是|先|就|我|都|这个|这次|请|帮我|麻烦|不对|不了)*"
    f"(?:{_any('算了 不用了? 不要了 取消 不需要了? 不叫了 别叫了 不用叫了? 不设了 不定了')}"
    f"|{_any('不订了 不弄了 不麻烦了 作罢 不必了')})"
    f"(?:{_any('谢谢 算了 不用了? 不要了 取消 叫醒 先这样 麻烦')})*"
)
_REFUSE = re.compile(
    f"(?:{_any('不 不是 不对 错 不行 不可以 否 没有 no 有误 要改 改一下 要改一下 改 我要改 说错 搞错')})+",
    re.IGNORECASE,
)
_CORRECT_FIRST = re.compile(
    "(?:啊|哦|呃|嗯|额)*(?:不对|不是|错了|说错|我?改|换成|换到|应该是|还是|等等|等一下|推迟|往[前后])"
)
_CORRECT_WITHIN = re.compile("改[成到为一]|换[成到]|改吧|推迟|提前|往[前后]")


_QUESTION = re.compile("[?？]")


def agrees(heard: Heard) -> bool:
    """Yes: in so many words, or where the model is sure of it. A guess never orders anything."""
    if _QUESTION.search(heard.text):
        return False
    return bool(_AGREE.fullmatch(heard.plain)) or _sure_of(heard, "affirm")


def refuses(heard: Heard) -> bool:
    """No, as an answer: this is wrong, rather than: I don't want it any more."""
    return bool(_REFUSE.fullmatch(heard.plain)) or _sure_of(heard, "deny")


def _sure_of(heard: Heard, intent: str) -> bool:
    return heard.intent == intent and heard.confidence >= SURE


def gives_up(heard: Heard) -> bool:
    return bool(_GIVE_UP.fullmatch(heard.plain))


def begins_with_correction(heard: Heard) -> bool:
    return bool(_CORRECT_FIRST.match(heard.plain))


def corrects(heard: Heard) -> bool:
    return begins_with_correction(heard) or bool(_CORRECT_WITHIN.search(heard.plain))
