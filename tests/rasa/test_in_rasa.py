"""Runs what needs Rasa's own environment: tests/rasa/in_rasa.py, and the stories of this folder."""

import json
import re
import shutil
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


def test_every_story_comes_out_as_written_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    """`rasa test core` exits 0 when it finds no stories: they are counted, and one that must fail is there."""
    model, told = need_model(), tmp_path / "told"
    stories = 0
    for file in STORIES.glob("test_*.yml"):
        stories += len(yaml.safe_load(file.read_text())["stories"])
        shutil.copy(file, tmp_path)
    wrong = {"story": "wrong", "steps": [{"intent": "greet"}, {"action": "utter_thank"}]}
    (tmp_path / "test_wrong.yml").write_text(yaml.safe_dump({"version": "3.1", "stories": [wrong]}))
    options = ("-m", str(model), "-s", str(tmp_path), "--out", str(told), "--fail-on-prediction-errors")
    ran = run("-m", "rasa", "test", "core", *options)
    failed = yaml.safe_load((told / "failed_test_stories.yml").read_text())["stories"]
    assert [story["story"].split(" (")[0] for story in failed] == ["wrong"], failed
    assert ran.returncode != 0
    counted = json.loads((told / "story_report.json").read_text())["conversation_accuracy"]
    assert (counted["correct"], counted["total"]) == (stories, stories + 1)
