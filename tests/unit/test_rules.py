"""Rules that the code itself must keep: imports go one way, and channels differ as data alone."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.channels import CHANNELS

ROOT = Path(__file__).parents[2]
BOT = ROOT / "bot"


# ---- imports


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The service and its contracts, to be broken."""
    shutil.copytree(BOT, tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_go_one_way(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("conversation/fold.py", "import asyncio", "The rules do no I/O"),
        ("conversation/fold.py", "from bot.conversation import draft", "build on each other one way"),
        ("handoff.py", "import sqlalchemy", "The rules do no I/O"),
        ("model.py", "import time", "The rules do no I/O"),
        ("model.py", "from bot import conversation", "Imports go one way"),
        ("store/log.py", "from bot import dispatch", "Imports go one way"),
        ("channels/web.py", "from bot import knowledge", "Imports go one way"),
        ("orders.py", "from bot.http import guard", "Imports go one way"),
        ("engine.py", "import rasa", "The service knows nothing of Rasa"),
        ("dispatch.py", "import rasa_sdk", "The service knows nothing of Rasa"),
        ("utils.py", "", "Imports go one way"),
    ],
)
def test_a_forbidden_import_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / "bot" / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    done = lint(copy)
    assert done.returncode != 0
    broken = done.stdout.partition("Broken contracts")[2] + done.stdout.partition("exhaustive")[2]
    assert contract in broken or "utils" in done.stdout + done.stderr


# ---- channels differ as data


MAY_NAME_A_CHANNEL = (
    "channels/",
    "http/wechat.py",
    "http/wechat_sign_in.py",  # joins the two by its nature
    "http/widget.py",
    "http/app_door.py",
    "accounts.py",
    "simulator/",
    "commands/",
)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(BOT.rglob("*.py")):
        name = path.relative_to(BOT).as_posix()
        if not name.startswith(MAY_NAME_A_CHANNEL):
            yield name, ast.parse(path.read_text("utf-8"))


def comparisons(tree: ast.AST) -> Iterator[str]:
    """Channels' names that are compared with something, in any way Python knows."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = node.args if node.func.attr in ("startswith", "endswith") else []
        for constant in (inner for part in parts for inner in ast.walk(part)):
            if isinstance(constant, ast.Constant) and constant.value in CHANNELS:
                yield f"{constant.value} in line {node.lineno}"  # type: ignore[attr-defined]


def test_nobody_outside_the_channels_asks_which_channel_it_is() -> None:
    found = {name: list(comparisons(tree)) for name, tree in sources()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        'if channel == "wechat": pass',
        'if "web" != identity.channel: pass',
        'if channel in ("wechat", "app"): pass',
        'match channel:\n    case "wechat": pass',
        'x = 1 if account.channel == "wechat" else 2',
        'channel.startswith("wechat")',
    ],
)
def test_such_a_question_is_found(line: str) -> None:
    assert list(comparisons(ast.parse(line)))


def test_what_is_no_question_is_left_alone() -> None:
    assert not list(comparisons(ast.parse('CHANNELS["web"]; say("wechat"); x = "wechat"')))


# ---- errors have words


def codes() -> set[str]:
    """Every code of a Problem, BadFrame, BadFile or CannotLink in the service."""
    found = set()
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                place = {"Problem": 1, "BadFrame": 0, "BadFile": 0, "CannotLink": 0}.get(name)
                if place is not None and len(node.args) > place:
                    found |= {
                        c.value
                        for c in ast.walk(node.args[place])
                        if isinstance(c, ast.Constant) and isinstance(c.value, str)
                    }
    return found


def test_every_refusal_has_words_in_every_language() -> None:
    from tests.core import texts

    found = codes()
    assert {"wrong_login", "too_many", "bad_token"} <= found
    for locale in texts().values():
        assert [code for code in sorted(found) if f"errors_{code}" not in locale] == []
