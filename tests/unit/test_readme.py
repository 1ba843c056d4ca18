"""The documents: both READMEs say the same, and what is named exists."""

import re
from pathlib import Path

import pytest

from bot.__main__ import COMMANDS
from bot.settings import NAMES

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
# What those read who install it or use it every day stands in both languages.
BOTH = ["docs/install", "docs/operations", "docs/desk", "docs/knowledge"]
BOTH += [f"docs/channels/{name}" for name in ("wechat", "wecom", "web", "app")]
PAIRS = [(ROOT / f"{name}.md", ROOT / f"{name}.zh-CN.md") for name in ("README", *BOTH)]
each_pair = pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=["readme", *BOTH])
first_pairs = pytest.mark.parametrize(("english", "chinese"), PAIRS[:2], ids=["readme", "install"])
DOCUMENTS = [ENGLISH, CHINESE, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    return BLOCK.sub("", path.read_text("utf-8"))


def headings(path: Path) -> list[str]:
    return re.findall(r"^(#+) \S", prose(path), re.MULTILINE)


def code(path: Path) -> list[str]:
    return BLOCK.findall(path.read_text("utf-8"))


def in_line(path: Path) -> list[str]:
    """What stands between back quotes; the same names in both languages, in whatever order."""
    return sorted(re.findall(r"`([^`\n]+)`", prose(path)))


def links(path: Path) -> list[str]:
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(path))
    own = path.name.partition(".")[0]  # the very page, in the other language
    both = (link.replace(".zh-CN", "") for link in found)
    return [link for link in both if link not in (f"{own}.md", "README.md")]


def rows(path: Path) -> list[int]:
    """How many cells each line of each table has."""
    return [line.count("|") for line in prose(path).splitlines() if line.startswith("|")]


def tried(path: Path) -> list[str]:
    """What a guest may write, from the table of sentences."""
    cells = re.findall(r"^\| ([^|`]+) \|", prose(path), re.MULTILINE)
    return [cell for cell in cells if re.search(r"[\u4e00-\u9fff]", cell) and cell != "客人说"]


@first_pairs
@pytest.mark.parametrize("part", [links, rows])
def test_both_languages_are_built_alike(part: object, english: Path, chinese: Path) -> None:
    assert callable(part)
    assert part(english) == part(chinese)
    assert part(english)


@each_pair
def test_both_languages_have_the_same_sections_and_commands(english: Path, chinese: Path) -> None:
    assert headings(english) == headings(chinese)
    assert code(english) == code(chinese)
    assert headings(english)


@each_pair
def test_each_language_leads_to_the_other_and_stays_in_it(english: Path, chinese: Path) -> None:
    assert f"({chinese.name})" in prose(english)
    assert f"({english.name})" in prose(chinese)
    led = [chinese.parent / link for link in re.findall(r"\]\(([^)#\s:]+\.md)", prose(chinese))]
    astray = [page.name for page in led if page.with_name(f"{page.stem}.zh-CN.md").exists()]
    assert astray == [english.name]


def test_both_readmes_let_a_guest_try_the_same() -> None:
    assert len(tried(ENGLISH)) >= 8
    assert [cell for cell in tried(CHINESE) if cell in tried(ENGLISH)] == tried(ENGLISH)


@first_pairs
def test_chinese_names_everything_that_english_names(english: Path, chinese: Path) -> None:
    assert set(in_line(english)) <= set(in_line(chinese))


@each_document
def test_every_command_that_is_named_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    commands = re.findall(r"python -m bot ([a-z][a-z-]*)", text)
    assert set(commands) <= set(COMMANDS)
    targets = re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    made = [line.split() for line in re.findall(r"`make ([a-z][a-z -]*)", text) + _made_in_code(text)]
    assert {target for line in made for target in line} <= set(targets)


def _made_in_code(text: str) -> list[str]:
    return re.findall(r"^make ([a-z][a-z -]*)$", "\n".join(BLOCK.findall(text)), re.MULTILINE)


@each_document
def test_every_link_leads_somewhere(path: Path) -> None:
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(path))
    relative = [link for link in found if "://" not in link]
    assert [link for link in relative if not (path.parent / link).exists()] == []


def test_every_setting_that_operations_and_readme_name_is_one() -> None:
    shouted = re.compile(r"\b[A-Z]{3,}_[A-Z_]+\b")
    named = {name for path in DOCUMENTS for name in shouted.findall(prose(path))}
    assert named
    mirrors = {name for line in _of_images(r"^ARG ([A-Z_ ]+)$") for name in line.split()}
    compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "deploy/compose.yml").read_text("utf-8")))
    assert named - set(NAMES) - mirrors - compose <= {"SANIC_HOST"}


def _of_images(pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
