"""What a file is, by its bytes, and how it becomes safe to show and play. Pure; slow, so run it in a thread.

Pictures are made anew (no metadata, no tricks, upright, not larger than a screen), voice becomes MP3, which
every browser plays. Nothing here believes a name or a declared type. What may come at all is TAKEN, for every
channel and for guests and staff alike: never an archive, a program, a page, a drawing made of text, or a
document with macros.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Literal, cast

import av
from av.error import FFmpegError
from PIL import Image, ImageOps, UnidentifiedImageError

Kind = Literal["image", "voice", "video", "file"]

LIMITS: dict[Kind, int] = {  # bytes
    "image": 10_000_000,
    "voice": 5_000_000,
    "video": 20_000_000,
    "file": 20_000_000,
}
LARGEST = max(LIMITS.values())
MAX_PIXELS = 50_000_000
MAX_SIDE = 2560
MAX_SECONDS = 300.0
VOICE_RATE = 24_000
VOICE_BITS = 48_000

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class BadFile(ValueError):
    """A file that we don't take; `code` says why: file_empty, file_too_large, file_broken, file_not_taken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Medium:
    """A file as it is kept: what it is, its bytes, and its measures where it has them (pixels, seconds).

    `original` holds the bytes as they came where we had to make others of them that people can hear.
    """

    kind: Kind
    type: str
    data: bytes
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    original: bytes | None = None


def read(data: bytes) -> Medium:
    """What these bytes are, made safe. Raises BadFile."""
    if not data:
        raise BadFile("file_empty")
    type_ = sniff(data)
    if type_ not in TAKEN:
        raise BadFile("file_not_taken")
    kind = _kind(type_)
    if len(data) > LIMITS[kind]:
        raise BadFile("file_too_large")
    if kind == "image":
        return _picture(data)
    if kind in ("voice", "video"):
        return _recording(type_, data)
    return Medium(kind, type_, data)


_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"#!AMR-WB\n", "audio/amr-wb"),
    (0, b"#!AMR\n", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
    (8, b"WAVE", "audio/wav"),
    (0, b"OggS", "audio/ogg"),
    (0, b"#!SILK", "audio/silk"),
    (1, b"#!SILK", "audio/silk"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"PK\x03\x04", "application/zip"),
)
_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "OFD.xml": "application/ofd",  # what electronic invoices come as
}
_OLD_OFFICE = {  # names of streams; WPS writes the same ones
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
_MACROS = "application/x-macros"
_MARKUP = re.compile(
    rb"<(?:!doctype|\?xml|/?(?:html|head|body|script|style|svg|math|iframe|object|embed|img|meta|link|base|form"
    rb"|div|a)\b)",
    re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
UNKNOWN = "application/octet-stream"
TAKEN = {
    *_OFFICE.values(),
    *_OLD_OFFICE.values(),
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/bmp",
    "audio/amr",
    "audio/amr-wb",
    "audio/mpeg",
    "audio/aac",
    "audio/wav",
    "audio/ogg",
    "audio/mp4",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "application/pdf",
    "text/plain",
}


def sniff(data: bytes) -> str:
    """The type of a file by its first bytes; UNKNOWN for what we don't know."""
    for at, magic, type_ in _MAGIC:
        if data[at : at + len(magic)] == magic:
            return _BY_CONTENT[type_](data) if type_ in _BY_CONTENT else type_
    return _text(data)


def _office(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            names = opened.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return UNKNOWN
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return _MACROS
    return next((type_ for name, type_ in _OFFICE.items() if name in names), "application/zip")


def _old_office(data: bytes) -> str:
    """By its streams' names, which stand in its directory as UTF-16."""
    if "_VBA_PROJECT".encode("utf-16-le") in data:
        return _MACROS
    found = (type_ for name, type_ in _OLD_OFFICE.items() if name.encode("utf-16-le") in data)
    return next(found, "application/x-ole-storage")


def _text(data: bytes) -> str:
    """Words are words; what a browser might take for a page or a drawing isn't."""
    if not _is_text(data):
        return UNKNOWN
    return "text/html" if _MARKUP.search(data) else "text/plain"


_BY_CONTENT = {"application/zip": _office, "application/x-ole-storage": _old_office}


def _is_text(data: bytes) -> bool:
    if _CONTROL.search(data):
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _kind(type_: str) -> Kind:
    family = type_.partition("/")[0]
    return cast(Kind, {"image": "image", "audio": "voice", "video": "video"}.get(family, "file"))


def _picture(data: bytes) -> Medium:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "BMP")) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise BadFile("file_too_large")
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail((MAX_SIDE, MAX_SIDE))
            return _drawn(picture)
    except BadFile:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadFile("file_too_large") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError):
        raise BadFile("file_broken") from None


def _drawn(picture: Image.Image) -> Medium:
    """The picture made anew: PNG where something shows through, else JPEG."""
    clear = "A" in picture.getbands() or "transparency" in picture.info
    out = io.BytesIO()
    if clear:
        picture.convert("RGBA").save(out, "PNG", optimize=True)
    else:
        picture.convert("RGB").save(out, "JPEG", quality=85, progressive=True)
    type_ = "image/png" if clear else "image/jpeg"
    return Medium("image", type_, out.getvalue(), picture.width, picture.height)


def _recording(type_: str, data: bytes) -> Medium:
    """Sound becomes MP3; a film stays as it is. A container may hold either, whatever its first bytes say."""
    if type_ == "audio/silk":
        raise BadFile("file_broken")  # WeChat's own format of other products: no free decoder
    try:
        with av.open(io.BytesIO(data), "r") as opened:
            if opened.streams.video and not _is_cover(opened):
                return _film(type_, data, opened)
            if not opened.streams.audio:
                raise BadFile("file_broken")
            heard, seconds = _mp3(opened)
    except BadFile:
        raise
    except (FFmpegError, ValueError, OSError, IndexError, EOFError):
        raise BadFile("file_broken") from None
    return Medium("voice", "audio/mpeg", heard, seconds=seconds, original=data)


def _is_cover(opened: "av.container.InputContainer") -> bool:
    """A sound file's picture of its sleeve is a video stream too."""
    shown = opened.streams.video[0].codec_context
    return bool(opened.streams.audio) and shown is not None and shown.name in ("mjpeg", "png")


def _film(type_: str, data: bytes, opened: "av.container.InputContainer") -> Medium:
    stream = opened.streams.video[0].codec_context
    if stream is None:
        raise BadFile("file_broken")
    seconds = opened.duration / av.time_base if opened.duration else None
    shown = type_ if type_.startswith("video/") else "video/mp4"
    return Medium("video", shown, data, stream.width, stream.height, seconds)


def _mp3(opened: "av.container.InputContainer") -> tuple[bytes, float]:
    """The sound as MP3, and its length in seconds (cut at MAX_SECONDS)."""
    out = io.BytesIO()
    samples = 0
    with av.open(out, "w", format="mp3") as writing:
        stream = writing.add_stream("libmp3lame", rate=VOICE_RATE, layout="mono")
        stream.bit_rate = VOICE_BITS
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=VOICE_RATE)
        for frame in opened.decode(audio=0):
            for piece in resampler.resample(frame):
                samples += piece.samples
                writing.mux(stream.encode(piece))
            if samples > MAX_SECONDS * VOICE_RATE:
                break
        for piece in resampler.resample(None):
            samples += piece.samples
            writing.mux(stream.encode(piece))
        writing.mux(stream.encode(None))
    if not samples:
        raise BadFile("file_broken")
    return out.getvalue(), round(samples / VOICE_RATE, 1)
