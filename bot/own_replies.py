"""What a hotel's account answers by itself, from wechat.yml: welcome, keyword replies, the menu's buttons.

The platform switches its own off once messages are pushed to us. Pure: documents in, frozen data out; every
mistake is noted on the sheet. An account may have its own beside the hotel's.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.hotel_sheet import Sheet, parse_line, parse_template, parse_url, parse_words

T = TypeVar("T")
TOP, BELOW = 3, 5  # buttons of a menu, and of a list in it
TOP_NAME, NAME, KEY = 16, 60, 128  # bytes
CHAT = "chat"


@dataclass(frozen=True)
class OwnReply:
    """One of the three: a sentence, a knowledge topic's answer, or words that the assistant is asked."""

    text: str = ""
    topic: str = ""
    ask: str = ""


@dataclass(frozen=True)
class Keyword:
    words: tuple[str, ...]
    exact: bool
    reply: OwnReply

    def meets(self, said: str) -> bool:
        plain = _plain(said)
        return any(plain == _plain(w) if self.exact else _plain(w) in plain for w in self.words)


@dataclass(frozen=True)
class Button:
    """A button of the menu: it answers, opens a page (`chat`: our own, signed in), or holds a list."""

    name: str
    key: str = ""
    reply: OwnReply | None = None
    url: str = ""
    items: tuple["Button", ...] = ()


@dataclass(frozen=True)
class OwnReplies:
    """What one account answers by itself; None where the file says nothing of it."""

    welcome: str | None = None
    keywords: tuple[Keyword, ...] | None = None
    menu: tuple[Button, ...] | None = None

    def keyword(self, said: str) -> Keyword | None:
        """The first that meets these words; an exact one before all others."""
        found = [k for k in self.keywords or () if k.meets(said)]
        return next((k for k in found if k.exact), found[0] if found else None)

    def button(self, key: str) -> Button | None:
        return next((b for b in self.buttons() if b.key == key and b.reply), None)

    def buttons(self) -> Iterator[Button]:
        for top in self.menu or ():
            yield from (top, *top.items)


@dataclass(frozen=True)
class AccountReplies:
    """The hotel's own replies, and what single accounts have of their own."""

    hotel: OwnReplies = OwnReplies()
    accounts: Mapping[str, OwnReplies] = field(default_factory=dict)

    def of(self, account: str) -> OwnReplies:
        own = self.accounts.get(account, OwnReplies())
        return OwnReplies(
            own.welcome if own.welcome is not None else self.hotel.welcome,
            own.keywords if own.keywords is not None else self.hotel.keywords,
            own.menu if own.menu is not None else self.hotel.menu,
        )


def parse(sheet: Sheet, topics: Collection[str]) -> AccountReplies:
    """wechat.yml; mistakes stand on the sheet."""
    accounts: dict[str, OwnReplies] = {}
    hotel = _own(sheet, topics)
    if "accounts" in sheet.names():
        part = sheet.part("accounts")
        for name in part.names():
            accounts[name] = _own(part.part(name), topics)
    return AccountReplies(hotel, accounts)


def menu_json(own: OwnReplies, chat: str) -> dict[str, Any]:
    """The menu in the platform's form; `chat` is the address of our own page, signed in."""
    return {"button": [_button_json(top, chat) for top in own.menu or ()]}


def _button_json(button: Button, chat: str) -> dict[str, Any]:
    if button.items:
        return {"name": button.name, "sub_button": [_button_json(item, chat) for item in button.items]}
    if button.url:
        return {"type": "view", "name": button.name, "url": chat if button.url == CHAT else button.url}
    return {"type": "click", "name": button.name, "key": button.key}


def flat(replies: AccountReplies) -> Iterator[tuple[str, str]]:
    """Everything as named lines, to show a difference."""
    yield from _flat("wechat", replies.hotel)
    for name, own in replies.accounts.items():
        yield from _flat(f"wechat.accounts.{name}", own)


def _own(sheet: Sheet, topics: Collection[str]) -> OwnReplies:
    welcome = _maybe(sheet, "welcome", parse_template, None)
    keywords = None
    if "keywords" in sheet.names():
        keywords = tuple(_keyword(one, topics) for one in _each(sheet, "keywords"))
    menu = None
    if "menu" in sheet.names():
        menu = tuple(_button(one, topics, top=True) for one in _each(sheet, "menu"))
        _check_menu(sheet, menu)
    return OwnReplies(welcome, keywords, menu)


def _each(sheet: Sheet, name: str) -> Iterator[Sheet]:
    """The mappings of a list, each a sheet of its own that has to be taken whole."""
    nothing: list[Any] = []
    listed = sheet.take(name, _list, nothing)
    for number, one in enumerate(listed, start=1):
        part = Sheet(f"{sheet.place}: {name} {number}", one, sheet.mistakes)
        yield part
        part.end()


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


def _maybe(sheet: Sheet, name: str, parse_: Any, default: T) -> T:
    found: T = sheet.take(name, parse_, default) if name in sheet.names() else default
    return found


def _keyword(sheet: Sheet, topics: Collection[str]) -> Keyword:
    none: tuple[str, ...] = ()
    words = sheet.take("words", parse_words, none)
    match = _maybe(sheet, "match", parse_line, "exact")
    if match not in ("exact", "contains"):
        sheet.wrong("match", "must be exact or contains")
    reply = _reply(sheet, topics)
    if reply is None or reply.ask:
        sheet.wrong("", "must have a reply or a topic: other words go to the assistant anyway")
    return Keyword(words, match == "exact", reply or OwnReply())


def _reply(sheet: Sheet, topics: Collection[str]) -> OwnReply | None:
    found = OwnReply(
        _maybe(sheet, "reply", parse_template, ""),
        _maybe(sheet, "topic", parse_line, ""),
        _maybe(sheet, "ask", parse_line, ""),
    )
    given = [value for value in (found.text, found.topic, found.ask) if value]
    if len(given) > 1:
        sheet.wrong("", "must have one of reply, topic and ask")
    if found.topic and found.topic not in topics:
        sheet.wrong("topic", f"{found.topic} is not a topic of knowledge.yml")
    return found if given else None


def _button(sheet: Sheet, topics: Collection[str], *, top: bool) -> Button:
    name = sheet.take("name", parse_line, "")
    most = TOP_NAME if top else NAME
    if len(name.encode()) > most:
        sheet.wrong("name", f"must have at most {most // 3} characters ({most} bytes)")
    items: tuple[Button, ...] = ()
    if top and "items" in sheet.names():
        items = tuple(_button(one, topics, top=False) for one in _each(sheet, "items"))
        if not 1 <= len(items) <= BELOW:
            sheet.wrong("items", f"must be 1 to {BELOW} buttons")
    reply = _reply(sheet, topics)
    url = _maybe(sheet, "url", _page, "")
    if sum((bool(items), reply is not None, bool(url))) != 1:
        sheet.wrong("", "must have one of items, url, reply, topic and ask")
    key = _maybe(sheet, "key", parse_line, name)
    if len(key.encode()) > KEY:
        sheet.wrong("key", f"must have at most {KEY} bytes")
    return Button(name, key if reply else "", reply, url, items)


def _page(value: Any) -> str:
    return CHAT if value == CHAT else parse_url(value)


def _check_menu(sheet: Sheet, menu: tuple[Button, ...]) -> None:
    if len(menu) > TOP:
        sheet.wrong("menu", f"must have at most {TOP} buttons beside each other")
    keys = [b.key for b in OwnReplies(menu=menu).buttons() if b.key]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        sheet.wrong("menu", f"two buttons have the key {key}")


def _flat(place: str, own: OwnReplies) -> Iterator[tuple[str, str]]:
    if own.welcome is not None:
        yield f"{place}.welcome", own.welcome
    for keyword in own.keywords or ():
        how = "=" if keyword.exact else "∋"
        yield f"{place}.keywords.{how}{'|'.join(keyword.words)}", _shown(keyword.reply)
    for top in own.menu or ():
        for path, button in ((top.name, top), *((f"{top.name}/{b.name}", b) for b in top.items)):
            if not button.items:
                yield f"{place}.menu.{path}", button.url or f"[{button.key}] {_shown(button.reply)}"


def _shown(reply: OwnReply | None) -> str:
    if reply is None:
        return ""
    if reply.topic:
        return f"topic {reply.topic}"
    return f"ask {reply.ask}" if reply.ask else reply.text


def _plain(text: str) -> str:
    """Without what people type differently and mean alike: width, case, spaces and marks at the end."""
    return unicodedata.normalize("NFKC", text).casefold().strip().rstrip("。.!?~ ").replace(" ", "")
