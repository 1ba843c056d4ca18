"""The command line: one table, each command imported when asked for."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bot.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]


def bot(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *arguments]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"} | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, cwd=ROOT / "tests")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_has_help(name: str) -> None:
    module = import_module(COMMANDS[name].module)
    assert callable(module.add_arguments)
    assert callable(module.run)
    assert COMMANDS[name].help


def test_help_lists_every_command() -> None:
    shown = bot("--help").stdout
    assert all(name in shown for name in COMMANDS)


def test_a_reader_who_has_seen_enough_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-u", "-m", "bot", "upgrade", "--check"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PORT": "none"}
    done = subprocess.run(
        command,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        check=False,
        cwd=ROOT / "tests",
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_unknown_command_is_refused() -> None:
    assert bot("serv").returncode == 2


def test_wrong_settings_end_it_with_one_message() -> None:
    done = bot("migrate", PORT="none", HANDLER_WAIT="60")
    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "HANDLER_WAIT" in done.stderr
    assert "Traceback" not in done.stderr
