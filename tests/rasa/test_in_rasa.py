"""Runs what needs Rasa's own environment: tests/rasa/in_rasa.py, and the stories of this folder."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.rasa_servers import RASA_PYTHON, ROOT, Actions, need_model, need_rasa, rasa_environment

pytestmark = [pytest.mark.rasa, pytest.mark.processes]
STORIES = ROOT / "tests/rasa"


@pytest.fixture(scope="module")
def actions() -> Iterator[Actions]:
    server = Actions()
    server.start()
    yield server
    server.remove()


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(RASA_PYTHON), *command],
        cwd=ROOT,
        env=rasa_environment(**environment),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_in_rasas_own_environment(actions: Actions) -> None:
    need_rasa()
    ran = run("-m", "unittest", "-v", "tests.rasa.in_rasa", ACTION_URL=actions.url)
    counted = re.search(r"^Ran (\d+) tests", ran.stderr, re.MULTILINE)
    written = len(re.findall(r"^ +(?:async )?def test_", (STORIES / "in_rasa.py").read_text(), re.MULTILINE))
    assert ran.returncode == 0, ran.stderr[-8000:]
    assert counted
    assert int(counted[1]) == written


def test_every_story_ran_and_came_out_as_written(tmp_path: Path) -> None:
    """`rasa test core` exits 0 when it finds no stories: they are counted. (That a wrong one fails is tested
    in Rasa's own environment, where it costs no start.)"""
    model = need_model()
    stories = [
        story for file in STORIES.glob("test_*.yml") for story in yaml.safe_load(file.read_text())["stories"]
    ]
    options = ["-m", str(model), "-s", str(STORIES), "--out", str(tmp_path)]
    options += ["--fail-on-prediction-errors", "--no-plot"]
    ran = run("-m", "rasa", "test", "core", *options)
    assert ran.returncode == 0, ran.stdout[-3000:]
    report = json.loads((tmp_path / "story_report.json").read_text())
    counted = report["conversation_accuracy"]
    assert (counted["correct"], counted["total"]) == (len(stories), len(stories))
