"""The real action server and the real Rasa for tests, on free ports of the loopback."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server, wait_for_port

ROOT = Path(__file__).parents[1]
RASA_PYTHON = ROOT / ".venv-rasa/bin/python"
MODEL = Path(os.environ.get("DIANXIAOER_MODEL", ROOT / "models/dianxiaoer.tar.gz"))
TOKEN = "rasa-token-for-tests"

Json = dict[str, Any]


def rasa_environment(**more: str) -> dict[str, str]:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    return os.environ | quiet | {"RASA_TELEMETRY_ENABLED": "false", "RASA_TOKEN": TOKEN} | more


def need_rasa() -> None:
    if not RASA_PYTHON.exists():
        pytest.skip("no .venv-rasa: `make env-rasa`")


def need_model() -> Path:
    need_rasa()
    if not MODEL.exists():
        pytest.skip(f"no trained model at {MODEL}: `make train`")
    return MODEL


class Actions(Server):
    """`python -m actions`; start and stop it at will, the port stays."""

    def __init__(self) -> None:
        super().__init__("actions")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhook"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "actions", "--port", str(self.port)]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=ROOT)
        wait_for_port(self.port, self.process, self.log)


class Rasa(Server):
    """Rasa with the connector, from the root of the project. Ready when /status names a model."""

    def __init__(self, model: Path, actions_url: str) -> None:
        super().__init__("rasa")
        self.model, self.actions_url = model, actions_url

    def command(self) -> list[str]:
        return [str(RASA_PYTHON), "-m", "nlu.serve", "--model", str(self.model)]

    def start(self) -> None:
        environment = rasa_environment(ACTION_URL=self.actions_url, RASA_URL=f"http://127.0.0.1:{self.port}")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=ROOT, env=environment)
        until = time.monotonic() + 300
        while not self._names_a_model():
            log = self.log.read_text()
            unfit = (
                "Could not load model" in log
            )  # trained with other components: Rasa waits for a better one
            if unfit or self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"Rasa doesn't serve:\n{log[-3000:]}")
            time.sleep(0.5)

    def _names_a_model(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._at}/status?token={TOKEN}", timeout=5) as answer:
                return bool(json.load(answer).get("model_file"))
        except (OSError, ValueError):
            return False

    @property
    def _at(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, body: bytes, token: str | None = TOKEN) -> tuple[int, Json]:
        headers = {"Content-Type": "application/json"} | ({"X-Rasa-Token": token} if token else {})
        request = urllib.request.Request(f"{self._at}/webhooks/dianxiaoer/turn", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def turn(self, text: str, memory: Json | None, facts: Json) -> Json:
        """One turn that must run to its end."""
        status, answer = self.post(json.dumps({"text": text, "memory": memory, "facts": facts}).encode())
        assert (status, answer.get("closed")) == (200, True), answer
        return answer


class Assistant:
    """Rasa and its actions."""

    def __init__(self) -> None:
        self.actions = Actions()
        self.rasa = Rasa(need_model(), self.actions.url)

    def start(self) -> None:
        self.actions.start()
        self.rasa.start()

    def remove(self) -> None:
        self.rasa.remove()
        self.actions.remove()
