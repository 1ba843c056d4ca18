"""The repository: what no file may contain, who may import and read what, and what is installed."""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import RELEASE

ROOT = Path(__file__).parents[2]
PURE = [*sorted((ROOT / "bot/conversation").glob("*.py")), ROOT / "bot/handoff.py", ROOT / "bot/model.py"]
IMPURE = {"asyncio", "aiohttp", "sqlalchemy", "redis", "alembic", "requests", "socket", "time", "threading"}
CLOCK_READINGS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
CLOCK_READINGS |= {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.localtime",
    "time.gmtime",
    "time.sleep",
}
# They may look at a clock: the clock, ids (UUIDv7), what waits for processes of this machine, and the other
# side of the wire, which is no part of the service.
CLOCKS = {"bot/clock.py", "bot/ids.py", "bot/processes.py"} | {
    f"bot/simulator/{name}.py" for name in ("api", "pushes", "server")
}

# In pieces, or this file would be the one that is found.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("npmmirror", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("tuna", "tsinghua", "edu"),
        ("mirrors", "aliyun", "com"),
        ("docker", "io"),
        ("ghcr", "io"),
    )
]
WORKPLACES = ["/" + "work/main", "/" + "work/shared", "/" + "tmp/boot"]


def tracked() -> list[Path]:
    """Files under version control, and those that would be."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(ROOT)), content.decode()


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """The top-level names of what a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def dotted(path: Path) -> set[str]:
    """Every a.b that a file mentions."""
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    pairs = (node for node in tree if isinstance(node, ast.Attribute))
    return {f"{pair.value.id}.{pair.attr}" for pair in pairs if isinstance(pair.value, ast.Name)}


@pytest.mark.parametrize("word", REGISTRIES + WORKPLACES)
def test_no_file_names_a_registry_or_a_workplace(word: str) -> None:
    assert [name for name, text in texts() if word in text] == []


def test_lock_files_pin_everything_by_hash_and_name_no_source() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert {lock.name for lock in locks} == {"service.txt", "dev.txt", "rasa.txt", "uv.txt"}
    for lock in locks:
        text = lock.read_text("utf-8")
        pins = re.findall(r"^[\w.-]+==.*$", text, re.MULTILINE)
        hashed = re.findall(r"^[\w.-]+==.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(hashed) > 0
        assert not re.search(r"index-url|find-links|https?:|file:| @ ", text)


@pytest.mark.parametrize("name", ["service", "dev", "rasa", "uv"])
def test_everything_asked_for_is_locked(name: str) -> None:
    asked = (ROOT / f"requirements/{name}.in").read_text("utf-8")
    locked = (ROOT / f"requirements/{name}.txt").read_text("utf-8").lower()
    names = re.findall(r"^[A-Za-z][\w.-]*", asked.lower(), re.MULTILINE)
    assert [one for one in names if not re.search(rf"^{re.escape(one)}==", locked, re.MULTILINE)] == []


def test_the_lock_of_the_pages_names_no_source() -> None:
    assert '"resolved"' not in (ROOT / "frontend/package-lock.json").read_text("utf-8")
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "frontend/.npmrc").read_text("utf-8")


def test_what_is_locked_for_the_service_is_what_the_tests_use() -> None:
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE)
        )

    assert pins("service.txt") < pins("dev.txt")


def test_rasa_keeps_a_setuptools_that_has_pkg_resources() -> None:
    pin = re.search(r"^setuptools==(\d+)", (ROOT / "requirements/rasa.txt").read_text("utf-8"), re.MULTILINE)
    assert pin
    assert int(pin[1]) < 81


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_rules_are_pure_and_read_no_clock(path: Path) -> None:
    assert imported(path) & IMPURE == set()
    assert dotted(path) & CLOCK_READINGS == set()
    assert not re.search(r"\bopen\(", path.read_text("utf-8"))


@pytest.mark.parametrize("path", modules("bot"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_time_comes_from_the_one_clock(path: Path) -> None:
    if str(path.relative_to(ROOT)) not in CLOCKS:
        assert dotted(path) & CLOCK_READINGS == set()


@pytest.mark.parametrize("path", modules("bot"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_looks_at_the_environment(path: Path) -> None:
    if path != ROOT / "bot/__main__.py":
        assert dotted(path) & {"os.environ", "os.getenv"} == set()


def test_the_service_and_rasa_share_no_code_but_the_encoder() -> None:
    assert {name for path in modules("bot") for name in imported(path)} & {
        "rasa",
        "rasa_sdk",
        "nlu",
        "actions",
    } == set()
    assert {name for path in modules("nlu") for name in imported(path)} & {
        "bot",
        "actions",
        "rasa_sdk",
    } == set()
    assert {name for path in modules("actions") for name in imported(path)} & {"bot", "nlu", "rasa"} == set()
    assert {name for path in modules("encoder") for name in imported(path)} & {"bot", "nlu", "rasa"} == set()


def makefile() -> dict[str, list[str]]:
    """Each phony target, its prerequisites, and what its recipe makes."""
    text = (ROOT / "Makefile").read_text("utf-8")
    rules = re.findall(r"^([a-z-]+):(?!=)([^#\n]*).*\n((?:\t.*\n)*)", text, re.MULTILINE)
    made = re.compile(r"^\t@?\$\(MAKE\) ([^&|;\n]*)$", re.MULTILINE)
    return {name: [*needs.split(), *" ".join(made.findall(recipe)).split()] for name, needs, recipe in rules}


def reached(target: str, rules: dict[str, list[str]]) -> set[str]:
    return {target}.union(*(reached(need, rules) for need in rules.get(target, [])))


def test_images_run_nothing_but_what_the_tests_run() -> None:
    commands = re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert commands
    tested = reached("test", makefile())
    for command in commands:
        assert re.fullmatch(r"make [a-z-]+( [A-Z]+=\S+)?", command)
        assert command.split()[1] in tested


@pytest.mark.parametrize("target", ["bot", "actions", "rasa"])
def test_no_image_runs_as_root(target: str) -> None:
    stage = (ROOT / "Dockerfile").read_text("utf-8").split(f" AS {target}\n")[1].split("\nFROM ")[0]
    assert "USER 10001:10001" in stage


def test_no_image_is_given_more_than_is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[1] == "*"
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    listed = {line[1:] for line in lines if line.startswith("!")}
    names = {name for line in copied for name in line.split()}
    assert not {name for name in names if name.split("/")[0] not in listed and name not in listed}


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "nlu/serve.py", "bot/supervisor.py"])
def test_rasa_reports_to_nobody_wherever_it_starts(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert re.search(r'RASA_TELEMETRY_ENABLED"?\]?\s*(:=|=|:)\s*"?false', text)


def test_every_target_in_the_help_is_a_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE)
    assert {"help", "run", "test", "check", "train", "rasa"} <= set(named) <= set(makefile())


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert version == RELEASE
    assert f"## {version} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("name", [".ci/run", "requirements/find-python"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


def _python(path: Path, told: str) -> None:
    """What passes for an interpreter and tells which one it is."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\ncase "$2" in *print*) echo {told} ;; esac\n')
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"shims", "versions", "system"}, "system"),
        ({"shims", "versions"}, "versions"),
        ({"shims"}, ""),
    ],
)
def test_a_systems_python_comes_before_pyenvs_and_a_shim_is_none(
    tmp_path: Path, there: set[str], chosen: str
) -> None:
    pyenv, system = tmp_path / "pyenv", tmp_path / "bin"
    places = {"shims": pyenv / "shims", "versions": pyenv / "versions/3.99.1/bin", "system": system}
    for name in there:
        _python(places[name] / ("python" if name == "versions" else "python3.99"), name)
    path = f"{places['shims']}:{system}:{os.environ['PATH']}"
    found = subprocess.run(
        [ROOT / "requirements/find-python", "3.99"],
        env={"PATH": path, "PYENV_ROOT": str(pyenv)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stdout.strip(), found.returncode == 0) == (chosen, bool(chosen))
