"""Safety words: an emergency is found before the assistant is asked, and without it. Pure."""

import re

_KINDS = (
    ("fire", re.compile(r"着火了|起火了|失火|冒烟了|火灾")),
    ("medical", re.compile(r"晕倒|昏倒|叫救护车|心脏病|没呼吸|大出血|抽搐")),
    ("trapped", re.compile(r"(被)?(困|关)在?(电梯|房间|卫生间)")),
    ("crime", re.compile(r"抢劫|有人(闯|拿刀|打人)|报警")),
    ("self_harm", re.compile(r"不想活了|自杀")),
)


def emergency(text: str) -> str | None:
    """The kind of emergency a message speaks of, or None."""
    return next((kind for kind, words in _KINDS if words.search(text)), None)
