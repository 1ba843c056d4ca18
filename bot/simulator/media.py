"""The platform's temporary store: files live there for three days. And what a phone records where nobody has
chosen a file: a picture, a few seconds of sound, a film, made on the spot."""

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

LIFE = timedelta(days=3)
TYPES = {"image": "image/jpeg", "voice": "audio/amr", "video": "video/mp4", "thumb": "image/jpeg"}
LIMITS = {"image": 10_000_000, "voice": 2_000_000, "video": 10_000_000, "thumb": 64_000}
_RATE = 8_000  # of a phone's voice messages
_SECONDS = 2


@dataclass(frozen=True)
class Stored:
    """One file of the store."""

    kind: str
    type: str
    data: bytes = field(repr=False)
    at: datetime


class MediaStore:
    """What followers and the account have put there, by MediaId. Time is given by `now`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kept: dict[str, Stored] = {}

    def put(self, kind: str, data: bytes, type_: str = "") -> str:
        media = secrets.token_urlsafe(48)
        self._kept[media] = Stored(kind, type_ or TYPES[kind], data, self._now())
        return media

    def get(self, media: str) -> Stored | None:
        """None for what was never there, or for longer than three days."""
        found = self._kept.get(media)
        return found if found and self._now() - found.at < LIFE else None

    def clear(self) -> None:
        self._kept.clear()


def recorded(kind: str, given: bytes | None) -> bytes:
    """What the phone sends: the chosen file, voice as AMR; ValueError where it can't be read."""
    if kind == "voice":
        return _amr(given or _tone())
    if given is not None:
        return given
    return _picture() if kind in ("image", "thumb") else _film()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((480, 360)).save(out, "JPEG", quality=80)
    return out.getvalue()


def _tone() -> bytes:
    """A buzz as WAV: a square wave, in two seconds."""
    half = b"\x00\x20" * 18 + b"\x00\xe0" * 18
    data = (half * (_RATE * _SECONDS // 36 + 1))[: _RATE * _SECONDS * 2]
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    shape = (1, 2), (1, 2), (_RATE, 4), (_RATE * 2, 4), (2, 2), (16, 2)
    head += b"".join(value.to_bytes(size, "little") for value, size in shape)
    return head + b"data" + len(data).to_bytes(4, "little") + data


def _amr(sound: bytes) -> bytes:
    out = io.BytesIO()
    try:
        with av.open(io.BytesIO(sound), "r") as opened, av.open(out, "w", format="amr") as writing:
            stream = writing.add_stream("libopencore_amrnb", rate=_RATE, layout="mono")
            resampler = av.AudioResampler(stream.codec_context.format, "mono", _RATE, frame_size=160)
            for frame in [*opened.decode(audio=0), None]:
                for piece in resampler.resample(frame):
                    writing.mux(stream.encode(piece))
            writing.mux(stream.encode(None))
    except (FFmpegError, ValueError, OSError, IndexError) as broken:
        raise ValueError("no sound that can be read") from broken
    return out.getvalue()


def _film() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as writing:
        stream = writing.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shade in range(10 * _SECONDS):
            picture = np.zeros((240, 320, 3), "uint8") + np.uint8(shade * 8)
            writing.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        writing.mux(stream.encode(None))
    return out.getvalue()
