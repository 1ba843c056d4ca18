"""What we say, in the platform's forms. Pure.

Texts are UTF-8 on every path: the platform shows \\u escapes as they stand. Echoing a guest's words must
never inject a tag, which `cdata` sees to.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.channels.port import Attachment, Option, Reply
from bot.channels.wechat.account import Account
from bot.channels.wechat.codec import encrypt, signature
from bot.channels.wechat.markup import cdata, legal, whole
from bot.channels.wechat.parse import Push
from bot.model import ExternalId

MAX_BYTES = 2048  # of one text message
SUCCESS = "success"  # "nothing to say now": keeps the platform from asking again

_LINE_END = re.compile(r"\n+")
_SENTENCE_END = re.compile(r"[。！？!?…；;]+[”’」』）)】》\"']*|\. ")
_CLAUSE_END = re.compile(r"[，,、：:]|\s")


def passive_reply(account: Account, push: Push, text: str, *, at: datetime, random: bytes) -> str:
    """The body of the HTTP answer to a push: encrypted if the push was, with the key that opened it.

    `random` is 24 fresh random bytes. At most MAX_BYTES of `text` fit: see `parts`.
    """
    plain = text_xml(to=push.inbound.external_id, sender=push.to, text=text, at=at)
    if push.key is None:
        return plain
    return envelope(account, plain, key=push.key, at=at, random=random)


def text_xml(*, to: str, sender: str, text: str, at: datetime) -> str:
    """A text message as XML."""
    return (
        f"<xml><ToUserName>{cdata(to)}</ToUserName><FromUserName>{cdata(sender)}</FromUserName>"
        f"<CreateTime>{int(at.timestamp())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content>{cdata(whole(text))}</Content></xml>"
    )


def envelope(account: Account, message: str, *, key: str, at: datetime, random: bytes) -> str:
    """An encrypted answer with its signature. Of `random`, 16 bytes go to the cipher, 8 to the nonce."""
    sealed = encrypt(message, key=key, appid=account.appid, random=random[:16])
    stamp, nonce = str(int(at.timestamp())), random[16:].hex()
    return (
        f"<xml><Encrypt>{cdata(sealed)}</Encrypt>"
        f"<MsgSignature>{cdata(signature(account.token, stamp, nonce, sealed))}</MsgSignature>"
        f"<TimeStamp>{stamp}</TimeStamp><Nonce>{cdata(nonce)}</Nonce></xml>"
    )


def custom_text(to: ExternalId, text: str) -> bytes:
    """The JSON body of custom/send for one text of at most MAX_BYTES."""
    return _json({"touser": to, "msgtype": "text", "text": {"content": legal(whole(text))}})


def custom_file(to: ExternalId, file: Attachment, media: str, thumb: str | None) -> bytes:
    """The JSON body of custom/send for a file that the platform stores as `media`."""
    told: dict[str, str] = {"media_id": media}
    if file.kind == "video":
        told |= {"title": legal(whole(file.name)), "description": ""}
        told |= {"thumb_media_id": thumb} if thumb else {}
    return _json({"touser": to, "msgtype": file.kind, file.kind: told})


def form(name: str, filename: str, type_: str, data: bytes) -> tuple[bytes, str]:
    """A file as a form of one field, the way the platform's upload wants it: body and content type."""
    boundary = "form" + hashlib.sha256(data).hexdigest()[:40]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    head += f"Content-Type: {type_}\r\n\r\n"
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def custom_menu(to: ExternalId, reply: Reply) -> bytes:
    """The JSON body of custom/send for choices to tap. A tap opens the small reply window only."""
    choices = [
        {"id": str(number), "content": legal(whole(option.title))}
        for number, option in enumerate(reply.options, start=1)
    ]
    menu = {"head_content": legal(whole(reply.text)), "list": choices, "tail_content": ""}
    return _json({"touser": to, "msgtype": "msgmenu", "msgmenu": menu})


def typing(to: ExternalId, *, on: bool) -> bytes:
    """The JSON body of custom/typing."""
    return _json({"touser": to, "command": "Typing" if on else "CancelTyping"})


def parts(reply: Reply) -> list[Reply]:
    """A reply as those that carry it, each within MAX_BYTES also when its options are written out. The last
    one of a text has the options to tap; a file that the platform doesn't carry becomes its address."""
    lines = len(numbered(Reply("", reply.options)).encode("utf-8", "surrogatepass"))
    if reply.options and lines < MAX_BYTES // 2:
        told = [Reply(text) for text in split(reply.text, MAX_BYTES - lines - 1)] or [Reply("")]
        told[-1] = Reply(told[-1].text, reply.options)
    else:
        told = [Reply(text) for text in split(numbered(reply), MAX_BYTES)]
    if reply.file:
        told.append(Reply("", file=reply.file) if carried(reply.file) else addressed(reply.file))
    return told


# What the platform's store takes: types and bytes, by kind.
CARRIED: Mapping[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"image/jpeg", "image/png", "image/gif"}), 10_000_000),
    "voice": (frozenset({"audio/mpeg", "audio/amr"}), 2_000_000),
    "video": (frozenset({"video/mp4"}), 10_000_000),
}


def carried(file: Attachment) -> bool:
    """Whether the platform carries it as a message of its own kind."""
    types, most = CARRIED.get(file.kind, (frozenset(), 0))
    return file.type in types and len(file.data) <= most


def addressed(file: Attachment) -> Reply:
    """A file as its name and where it is to be had for some days."""
    return Reply(f"{file.name}\n{file.address}")


def in_words(part: Reply) -> str:
    """One of `parts` as a passive reply carries it, or an account that can't send by itself."""
    return addressed(part.file).text if part.file else numbered(part)


def numbered(reply: Reply) -> str:
    """A reply as text alone."""
    lines = [f"{number}. {option.title}" for number, option in enumerate(reply.options, start=1)]
    return "\n".join([reply.text, *lines]) if reply.text else "\n".join(lines)


def chosen(options: Sequence[Option], said: str) -> str:
    """What a guest means who may have tapped an option or answered by its number: that option's text, else
    their own words."""
    tapped = [option.text for option in options if option.title == said.strip()]
    if tapped:
        return tapped[0]
    number = unicodedata.normalize("NFKC", said).strip().rstrip(".。、")
    if number.isascii() and number.isdigit() and len(number) < 4 and 1 <= int(number) <= len(options):
        return options[int(number) - 1].text
    return said


def split(text: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit` UTF-8 bytes, cut at the end of a line, a sentence or a clause
    where one is near, else between characters as people see them. Only line feeds at a cut are dropped."""
    pieces: list[str] = []
    rest = text
    while len(rest.encode("utf-8", "surrogatepass")) > limit:
        fitting = rest[: _fitting(rest, limit)]
        cut = _cut(fitting)
        pieces.append(rest[:cut])
        rest = rest[cut:].lstrip("\n")
    pieces.append(rest)
    return [stripped for piece in pieces if (stripped := piece.strip("\n"))]


def _fitting(text: str, limit: int) -> int:
    """How many leading characters fit into `limit` bytes without cutting one that people see as one."""
    size = 0
    for index, character in enumerate(text):
        size += len(character.encode("utf-8", "surrogatepass"))
        if size > limit:
            return _between_characters(text, index)
    return len(text)


def _between_characters(text: str, index: int) -> int:
    """The last place at or before `index` where a character ends; `index` if none is near (a long run of
    combining marks is not worth an empty message)."""
    for place in range(index, max(index - 32, 0), -1):
        if not _joined(text, place):
            return place
    return max(index, 1)


def _joined(text: str, place: int) -> bool:
    """Whether the code points around `place` are one character: an accent, a skin tone, a family, a flag."""
    before, after = text[place - 1], text[place]
    return (
        unicodedata.combining(after) != 0
        or after in "\u200d\ufe0e\ufe0f\u20e3"
        or before == "\u200d"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or (_regional(before) and _regional(after))
    )


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _cut(fitting: str) -> int:
    """Where to end a piece: after the last line, sentence or clause that ends in its second half."""
    for ending in (_LINE_END, _SENTENCE_END, _CLAUSE_END):
        places = list(_ends(ending, fitting))
        if places:
            return places[-1]
    return len(fitting)


def _ends(ending: re.Pattern[str], fitting: str) -> Iterator[int]:
    half = len(fitting) // 2
    return (found.end() for found in ending.finditer(fitting) if found.end() >= half)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
