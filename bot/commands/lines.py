"""JSON lines on standard input and output, whatever machine wrote them and whatever this one speaks."""

import io
import json
import sys
from typing import Any

from bot.model import Json


def use_utf8() -> None:
    """Read and write UTF-8; a byte order mark is none of the first line, and a broken byte breaks no work."""
    for stream, encoding in ((sys.stdin, "utf-8-sig"), (sys.stdout, "utf-8")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="replace" if stream is sys.stdin else None)


def loaded(line: str) -> Any:
    """What a line says. Raises ValueError, also for one that is nested too deep to be read."""
    try:
        return json.loads(line.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def written(result: Json) -> str:
    """A line without its end. Half a character (an emoji that was cut) can only be written as its number."""
    line = json.dumps(result, ensure_ascii=False)
    return json.dumps(result) if any("\ud800" <= one <= "\udfff" for one in line) else line
