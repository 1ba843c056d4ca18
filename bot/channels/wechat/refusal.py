"""Why a push is refused. Each refusal has a reason code for the log and an HTTP status; nothing else is
ever raised for what the other side sent."""

from typing import ClassVar


class PushRefused(Exception):
    """A push we do not take. `reason` is a code of ours and never holds anything that was sent."""

    status: ClassVar[int] = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadSignature(PushRefused):
    """Nothing proves that the platform sent it."""

    status = 403


class BadRequest(PushRefused):
    """The platform's signature may be right, but what it covers cannot be read."""


class TooLarge(PushRefused):
    """More than a push ever holds."""

    status = 413
