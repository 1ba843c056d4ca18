"""A film's first picture, small enough for the platform (64 KB). Pure; slow, so run it in a thread."""

import io

import av
from av.error import FFmpegError
from PIL import Image

_SIDE = 480
_MOST = 64_000


def thumb_of(film: bytes) -> bytes | None:
    """A JPEG; None where the film shows nothing that we can read."""
    try:
        with av.open(io.BytesIO(film), "r") as opened:
            shown = Image.fromarray(next(opened.decode(video=0)).to_ndarray(format="rgb24"))
    except (FFmpegError, StopIteration, ValueError, OSError, IndexError):
        return None
    shown.thumbnail((_SIDE, _SIDE))
    for quality in (85, 60, 30):
        out = io.BytesIO()
        shown.save(out, "JPEG", quality=quality)
        if out.tell() <= _MOST:
            return out.getvalue()
    return None
