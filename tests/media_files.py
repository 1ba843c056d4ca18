"""Small real files, made on the spot: a picture, a voice message as WeChat records it, a film."""

import io
import zipfile

import av
import numpy as np
from PIL import Image


def picture(width: int = 320, height: int = 200, format_: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    mode = "RGBA" if format_ == "PNG" else "RGB"
    Image.new(mode, (width, height), (200, 60, 40)).save(out, format_, **options)
    return out.getvalue()


def voice(seconds: float = 1.0, format_: str = "amr") -> bytes:
    """A tone: AMR at 8 kHz, the way WeChat keeps voice, or WAV."""
    rate, codec = (8000, "libopencore_amrnb") if format_ == "amr" else (16_000, "pcm_s16le")
    wave = (np.sin(np.arange(int(rate * seconds)) / 10) * 8000).astype("int16").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
    frame.rate = rate
    out = io.BytesIO()
    with av.open(out, "w", format=format_) as writing:
        stream = writing.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=160)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            writing.mux(stream.encode(piece))
        writing.mux(stream.encode(None))
    return out.getvalue()


def film(seconds: int = 1) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as writing:
        stream = writing.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10 * seconds):
            shown = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), "uint8"), format="rgb24")
            writing.mux(stream.encode(shown))
        writing.mux(stream.encode(None))
    return out.getvalue()


def office(*names: str) -> bytes:
    """An archive as today's office documents are, with these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name in ("[Content_Types].xml", *names):
            written.writestr(name, "<x/>")
    return out.getvalue()


def old_office(*streams: str) -> bytes:
    """The beginning and the directory of a document of former times."""
    names = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *streams))
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + names
