"""What files are, by their bytes, and what is made of them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot import media
from bot.media import BadFile
from tests.media_files import film, office, old_office, picture, voice


def test_a_picture_is_made_anew_upright_and_without_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "GPS of a guest's home"
    made = media.read(picture(400, 200, exif=exif))
    assert (made.kind, made.type, made.width, made.height) == ("image", "image/jpeg", 200, 400)
    with Image.open(io.BytesIO(made.data)) as opened:
        assert not opened.getexif()
        assert b"GPS" not in made.data


def test_a_large_picture_becomes_as_large_as_a_screen() -> None:
    made = media.read(picture(5000, 1000))
    assert (made.width, made.height) == (2560, 512)


def test_what_shows_through_stays_so() -> None:
    assert media.read(picture(format_="PNG")).type == "image/png"


def test_a_bomb_of_pixels_is_refused_before_it_is_opened() -> None:
    out = io.BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    with pytest.raises(BadFile, match="file_too_large"):
        media.read(out.getvalue())


@pytest.mark.parametrize("format_", ["amr", "wav"])
def test_voice_becomes_mp3_and_its_original_stays(format_: str) -> None:
    said = voice(2.0, format_)
    made = media.read(said)
    assert (made.kind, made.type, made.original) == ("voice", "audio/mpeg", said)
    assert made.seconds == pytest.approx(2.0, abs=0.1)
    assert media.sniff(made.data) == "audio/mpeg"


def test_a_film_stays_as_it_is() -> None:
    shot = film()
    made = media.read(shot)
    assert (made.kind, made.type, made.data) == ("video", "video/mp4", shot)
    assert (made.width, made.height) == (64, 48)


@pytest.mark.parametrize(
    ("data", "type_"),
    [
        (b"%PDF-1.7 x", "application/pdf"),
        ("几点退房".encode(), "text/plain"),
        ("几点退房".encode("gb18030"), "text/plain"),
        ("张三 <zhang@example.com>, 8 > 7".encode(), "text/plain"),
        (office("word/document.xml"), "document"),
        (office("xl/workbook.xml"), "sheet"),
        (office("ppt/presentation.xml"), "presentation"),
        (office("OFD.xml"), "application/ofd"),
        (old_office("WordDocument"), "application/msword"),
        (old_office("Workbook"), "application/vnd.ms-excel"),
        (old_office("PowerPoint Document"), "application/vnd.ms-powerpoint"),
    ],
)
def test_other_files_are_named_by_their_first_bytes(data: bytes, type_: str) -> None:
    made = media.read(data)
    assert (made.kind, made.data) == ("file", data)
    assert made.type.endswith(type_)


@pytest.mark.parametrize(
    "data",
    [
        office("菜单.txt"),  # an archive
        office("word/document.xml", "word/vbaProject.bin"),  # macros
        old_office("WordDocument", "_VBA_PROJECT"),
        old_office("Setup"),  # an installer
        b"PK\x03\x04 broken",
        b"Rar!\x1a\x07\x01\x00",
        b"7z\xbc\xaf\x27\x1c",
        b"MZ\x90\x00\x03\x00",  # a program
        b"\x7fELF\x02\x01\x01\x00",
        b"<!DOCTYPE html><title>x</title>",
        b"\xef\xbb\xbf  <svg xmlns='http://www.w3.org/2000/svg'/>",
        b"words <ScRiPt>alert(1)</script>",
        "<html>".encode("utf-16"),
        b"\x00\x00\x00\x18ftypheic",
        b"\x02#!SILK_V3 x",
    ],
)
def test_what_isnt_on_the_list_is_refused(data: bytes) -> None:
    with pytest.raises(BadFile, match="file_not_taken"):
        media.read(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\xff\xd8\xff broken", "file_broken"),
        (b"#!AMR\n", "file_broken"),
        (b"RIFF1234WAVE", "file_broken"),
        (b"x" * 20_000_001, "file_too_large"),
        (b"ID3" + b"x" * 5_000_000, "file_too_large"),
    ],
)
def test_what_cant_be_taken_says_why(data: bytes, code: str) -> None:
    with pytest.raises(BadFile, match=code):
        media.read(data)


@given(st.sampled_from([picture(40, 30), voice(0.2), film()]), st.data())
def test_broken_files_are_refused_and_never_break_us(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(st.binary(min_size=1, max_size=8))
    broken = whole[:at] + changed + whole[at + len(changed) :]
    try:
        made = media.read(broken[: data.draw(st.integers(1, len(broken)))])
    except BadFile:
        return
    assert made.data
