"""XML as the platform writes and reads it: a flat root with text fields, now and then a nested one.

Reading uses expat with every document type refused, so there are no entities to expand or fetch; size and
depth are bounded. Writing makes CDATA that no content can leave.
"""

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from bot.channels.wechat.refusal import BadRequest, TooLarge

MAX_BYTES = 1_000_000
_MAX_DEPTH = 12
_MAX_ELEMENTS = 2_000

Fields = dict[str, Any]  # name -> text, Fields, or a list of these where a name is repeated

# XML has no way to write these characters, yet guests send them, and what they sent is what we keep. For
# expat's sake they travel as MARK + four hex digits (a bare carriage return too: XML would make it a line
# feed), and so does MARK itself, which makes it reversible.
_MARK = "\ufdd0"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufdd0\ufffe\uffff]")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_MARKED = re.compile(_MARK + "([0-9a-f]{4})")

# What XML 1.0 allows in a text; the rest is dropped on the way out.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(body: bytes) -> str:
    """UTF-8 as sent: surrogate pairs are joined, whatever else is wrong becomes U+FFFD."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return whole(body.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


def whole(text: str) -> str:
    """The text with surrogate pairs joined; U+0000 and lone surrogates become U+FFFD."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


def read(document: str) -> Fields:
    """The fields below the root element. Refuses document types, deep nesting and great size."""
    if len(document) > MAX_BYTES:
        raise TooLarge("xml_size")
    builder = _Builder()
    try:
        builder.parser.Parse(_marked(document.strip()), True)
    except expat.ExpatError:
        raise BadRequest("xml") from None
    if not isinstance(builder.root, dict):
        raise BadRequest("xml_fields")
    return builder.root


def cdata(text: str) -> str:
    """The text as CDATA: what XML cannot hold is dropped, and `]]>` cannot end it."""
    legal = _ILLEGAL.sub("", text)
    return "<![CDATA[" + legal.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def legal(text: str) -> str:
    """The text without the characters that XML (and the platform's JSON reader) refuse."""
    return _ILLEGAL.sub("", text)


def _marked(document: str) -> str:
    def mark(found: re.Match[str]) -> str:
        return f"{_MARK}{ord(found.group()):04x}"

    def mark_section(found: re.Match[str]) -> str:
        return found.group().replace("\r", _MARK + "000d")

    document = _UNWRITABLE.sub(mark, document)
    return _CDATA.sub(mark_section, document) if "\r" in document else document


def _unmarked(text: str) -> str:
    if _MARK not in text:
        return text
    return whole(_MARKED.sub(lambda found: chr(int(found.group(1), 16)), text))


class _Builder:
    """Builds the fields while expat reads."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[tuple[str, Fields, list[str]]] = []
        self._count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = _refuse("xml_doctype")
        self.parser.EntityDeclHandler = _refuse("xml_entity")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= _MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise BadRequest("xml_shape")
        self._open.append((name, {}, []))

    def _text(self, data: str) -> None:
        self._open[-1][2].append(data)

    def _end(self, _name: str) -> None:
        name, children, texts = self._open.pop()
        value: Any = children or _unmarked("".join(texts))
        if not self._open:
            self.root = value
        else:
            _put(self._open[-1][1], name, value)


def _put(fields: Fields, name: str, value: Any) -> None:
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _refuse(reason: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise BadRequest(reason)

    return refuse
