"""`python -m bot understand` with the real Rasa and the real actions."""

import json
import os
import subprocess
import sys

import pytest

from tests.rasa_servers import ROOT, TOKEN, Assistant

pytestmark = [pytest.mark.rasa, pytest.mark.processes]

ASKED = [
    {"text": "明早七点叫我起床，1208房", "now": "2026-11-20T10:00:00+08:00"},
    {"text": "早餐几点到几点"},
    {"text": "着火了快来人"},
    {"text": "给我写一首关于秋天的诗"},
    {"text": "隔壁吵了一晚上，你们必须赔我房费"},
]


def understand(assistant: Assistant, lines: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "RASA_URL": f"http://127.0.0.1:{assistant.rasa.port}",
        "RASA_TOKEN": TOKEN,
        "SEALING_KEYS": "test:dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
    }
    return subprocess.run(
        [sys.executable, "-m", "bot", "understand"],
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=120,
    )


def test_each_message_is_read_in_its_turn(assistant: Assistant) -> None:
    done = understand(assistant, [json.dumps(one, ensure_ascii=False) for one in ASKED])
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["text"] for one in found] == [one["text"] for one in ASKED]
    assert [one["intent"] for one in found] == [
        "wake_up_call",
        "ask_breakfast",
        "emergency",
        "out_of_scope",
        "complain",
    ]
    assert [one["decision"] for one in found] == ["answer", "answer", "handoff", "refuse", "handoff"]
    assert [one["alarm"] for one in found] == [False, False, True, False, False]
    assert [one["complaint_kind"] for one in found] == [None, None, None, None, "accusing"]
    values = {(one["entity"], str(one["value"])) for one in found[0]["entities"]}
    assert values == {("date", "2026-11-21"), ("time", "07:00"), ("room_number", "1208")}


def test_a_bad_line_keeps_its_place(assistant: Assistant) -> None:
    done = understand(assistant, ['{"text": "早餐几点"}', "nonsense", '{"text": "谢谢"}'])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in one for one in found] == [False, True, False]
    assert done.returncode == 1
    assert "line 2" in done.stderr


KEYS = ["text", "intent", "confidence", "decision", "entities", "complaint_kind", "alarm"]


def test_every_line_has_its_place_whatever_stands_in_it(assistant: Assistant) -> None:
    asked = [
        "\ufeff" + json.dumps({"text": "早餐几点"}, ensure_ascii=False),  # as some editors begin a file
        "",
        "  ",
        json.dumps({"text": "谢谢\ud83d"}),  # half an emoji
        json.dumps({"text": "\x00"}),
        json.dumps({"text": "早餐几点到几点" * 3000}, ensure_ascii=False),
        json.dumps({"now": "2026-11-22T21:30:00+08:00"}),
        json.dumps({"text": "明早七点叫我，1208房", "now": "2026-11-20T02:00:00Z"}, ensure_ascii=False),
    ]
    done = understand(assistant, asked)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    texts = [json.loads(line.removeprefix("\ufeff")).get("text") for line in asked if line.strip()]
    assert [one.get("text") for one in found] == texts
    assert [list(one) for one in found] == [*[KEYS] * 4, ["error"], KEYS]
    assert done.stderr.splitlines() == [f"line 5: {found[4]['error']}"]
    entities = found[5]["entities"]
    assert [list(one) for one in entities] == [["entity", "value", "raw", "start", "end"]] * 3
    assert all(texts[5][one["start"] : one["end"]] == one["raw"] for one in entities)
    assert ("date", "2026-11-21") in [
        (one["entity"], one["value"]) for one in entities
    ]  # by the hotel's clock
