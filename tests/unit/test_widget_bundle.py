"""What the widget costs the hotel's page, and what must never be in it."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "frontend/dist/widget/widget.js"
MORE = BUILT.with_name("widget-more.js")  # loaded when somebody needs it
SOURCES = [path for path in (ROOT / "frontend/widget").glob("*.ts") if not path.name.endswith(".test.ts")]


@pytest.fixture
def built() -> str:
    if not BUILT.is_file():
        pytest.skip("the widget isn't built: `make frontend`")
    return BUILT.read_text("utf-8")


def test_the_widget_is_under_20_kb_gzipped(built: str) -> None:
    assert len(gzip.compress(built.encode(), 9)) < 20_000


def test_what_few_guests_need_is_under_5_kb_and_not_in_it(built: str) -> None:
    assert len(gzip.compress(MORE.read_bytes(), 9)) < 5_000
    assert "getUserMedia" in MORE.read_text("utf-8")
    assert "getUserMedia" not in built


def test_the_widget_is_one_script_that_any_page_can_carry(built: str) -> None:
    assert not re.search(r"^\s*(import|export)\b(?!\()", built, re.MULTILINE)
    assert sorted(path.name for path in BUILT.parent.iterdir()) == ["widget-more.js", "widget.js"]


def test_the_widget_parses_no_html_and_runs_no_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|DOMParser|document\.write|createContextualFragment"
        r"|\beval\(|new Function|document\.cookie"
    )
    found = {path.name: forbidden.findall(path.read_text("utf-8")) for path in SOURCES}
    assert len(found) > 10
    assert {name: words for name, words in found.items() if words} == {}


def test_every_word_of_the_widget_is_used_and_every_used_one_is_there() -> None:
    text = (ROOT / "texts/zh.yml").read_text("utf-8")
    there = set(re.findall(r"^widget_(\w+):", text, re.MULTILINE))
    source = "\n".join(path.read_text("utf-8") for path in SOURCES)
    named = set(re.findall(r"\"(\w+)\"", source)) & there
    asked = set(re.findall(r"words\(\"(\w+)\"", source))
    families = set(re.findall(r"words\(`(\w+_)\$\{", source))
    assert asked - there == set()
    assert families == {"from_", "speaker_", "kind_", "card_"}
    assert {key for key in there - named if not key.startswith(tuple(families))} == set()
