"""Speech recognition: a port, and the one adapter we bring. None is configured by default.

What it hears is a guessed reading of a guest's voice: it becomes the turn that the assistant answers, and
the voice stays with the message.
"""

import logging
from typing import Protocol

import aiohttp

logger = logging.getLogger(__name__)

SECONDS = 15.0  # a recogniser that takes longer has heard nothing
LONGEST = 2_000  # characters
_ANSWER_LIMIT = 100_000


class Recogniser(Protocol):
    """Turns a voice message into words; None where it hears none or can't be asked. Must not raise."""

    async def recognise(self, audio: bytes, type_: str) -> str | None: ...


class HttpRecogniser:
    """A recogniser behind an address: POST the audio with its type, and it answers {"text": "…"}."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def recognise(self, audio: bytes, type_: str) -> str | None:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self._url, data=audio, headers={"Content-Type": type_}, allow_redirects=False
                ) as answer,
            ):
                if answer.status != 200:
                    logger.warning("speech: status %s", answer.status)
                    return None
                if (answer.content_length or 0) > _ANSWER_LIMIT:
                    return None
                found = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError, OSError) as error:
            logger.warning("speech: %s", type(error).__name__)
            return None
        text = found.get("text") if isinstance(found, dict) else None
        return text.strip()[:LONGEST] or None if isinstance(text, str) else None
