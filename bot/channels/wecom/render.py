"""What we say, in the platform's forms. Pure."""

from typing import Any

from bot.channels.port import Reply
from bot.channels.wechat.render import numbered, split

MAX_BYTES = 2048  # of one text message
MAX_CHOICES = 10


def parts(reply: Reply) -> list[Reply]:
    """A reply as those that carry it: choices stay with the last text, a file goes by itself."""
    choices = reply.options[:MAX_CHOICES] if len(reply.options) <= MAX_CHOICES else ()
    text = reply.text if choices else numbered(reply)
    told = [Reply(part) for part in split(text, MAX_BYTES)]
    if choices:
        *before, last = told or [Reply("")]
        told = [*before, Reply(last.text, choices)]
    return [*told, Reply("", file=reply.file)] if reply.file else told


def message(to: str, open_kfid: str, reply: Reply) -> dict[str, Any]:
    """The JSON of kf/send_msg for one text, with or without choices."""
    head = {"touser": to, "open_kfid": open_kfid}
    if not reply.options:
        return {**head, "msgtype": "text", "text": {"content": reply.text}}
    choices = [
        {"type": "click", "click": {"id": str(number), "content": option.title}}
        for number, option in enumerate(reply.options, 1)
    ]
    return {**head, "msgtype": "msgmenu", "msgmenu": {"head_content": reply.text, "list": choices}}


def attached(to: str, open_kfid: str, kind: str, media_id: str) -> dict[str, Any]:
    """The JSON of kf/send_msg for a file that was uploaded before."""
    return {"touser": to, "open_kfid": open_kfid, "msgtype": kind, kind: {"media_id": media_id}}
