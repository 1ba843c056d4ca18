"""The connector against a real Rasa: what it refuses, what it never hides, and that it keeps nothing."""

import base64
import json
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.dialogue import facts
from tests.rasa_servers import Assistant, Json

pytestmark = [pytest.mark.rasa, pytest.mark.processes]


def body(**changes: object) -> bytes:
    return json.dumps({"text": "早餐几点", "memory": None, "facts": facts()} | changes).encode()


@pytest.mark.parametrize("token", [None, "", "wrong", "rasa-token-for-test", "rasa-token-for-testss"])
def test_nobody_gets_in_without_the_token(assistant: Assistant, token: str | None) -> None:
    assert assistant.rasa.post(body(), token) == (401, {"closed": False, "error": "unauthorized"})


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        body(text=""),
        body(text=" \n\t"),
        body(text=None),
        body(text=7),
        body(memory="a"),
        body(facts=[1]),
    ],
)
def test_what_is_not_a_question_is_refused(assistant: Assistant, sent: bytes) -> None:
    assert assistant.rasa.post(sent) == (400, {"closed": False, "error": "bad_request"})


def test_an_answer_names_its_topic_and_how_it_was_understood(assistant: Assistant) -> None:
    answer = assistant.rasa.turn("早餐几点", None, facts())
    assert answer["acts"] == [{"act": "answer", "topic": "ask_breakfast"}]
    assert answer["intent"]["name"] == "ask_breakfast"
    assert set(answer) == {
        "acts",
        "memory",
        "intent",
        "ranking",
        "entities",
        "vector",
        "complaint",
        "closed",
    }
    assert answer["complaint"] is None


def test_what_may_be_a_complaint_has_its_kind(assistant: Assistant) -> None:
    answer = assistant.rasa.turn("隔壁吵了一晚上，你们必须赔我房费", None, facts())
    assert answer["complaint"]["kind"] == "accusing"


def test_an_answer_brings_the_readings_and_the_vector(assistant: Assistant) -> None:
    answer = assistant.rasa.turn("早餐几点", None, facts())
    assert answer["ranking"][0] == answer["intent"]
    assert 2 <= len(answer["ranking"]) <= 5
    packed = base64.b64decode(answer["vector"])
    values = struct.unpack("<384e", packed)
    assert sum(value * value for value in values) == pytest.approx(1, abs=0.01)


def test_the_vector_is_that_of_the_words_and_not_of_their_values(assistant: Assistant) -> None:
    def vector(text: str) -> object:
        return assistant.rasa.turn(text, None, facts())["vector"]

    assert vector("早餐八点有吗") != vector("早餐九点有吗")
    assert vector("早餐几點") == vector("早餐几点")


def test_entities_come_with_the_guests_own_words(assistant: Assistant) -> None:
    found = assistant.rasa.turn("明早七点叫我起床", None, facts())["entities"]
    assert {"entity": "time", "value": "07:00", "raw": "七点", "start": 2, "end": 4} in found


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        "/session_start",
        " /restart",
        '/wake_up_call{"time": "07:00"}',
        "/affirm",
        "EXTERNAL: affirm",
        "\u202e早餐几点\u0007",
        "\x00",
        "]]><b>早餐</b>",
        "😀" * 3,
        "早" * 10_000,
    ],
)
def test_any_text_is_a_message_and_never_a_command(assistant: Assistant, text: str) -> None:
    confirmed = assistant.rasa.turn("明早七点叫我起床", None, facts())["memory"]
    answer = assistant.rasa.turn(text, confirmed, facts())
    assert answer["acts"]
    assert not [act for act in answer["acts"] if act["act"] == "order"]


@pytest.mark.parametrize(
    "memory",
    [
        {},
        {"version": 99},
        {"version": 1},
        {"version": 1, "form": "gone_form", "slots": {"gone": 1}, "turns": []},
        {"version": 1, "form": ["x"], "slots": {}, "turns": []},
        {"version": 1, "form": None, "slots": [], "turns": []},
        {"version": 1, "form": None, "slots": {}, "turns": ["x"]},
        {"version": 1, "form": None, "slots": {}, "turns": [{"intent": "greet", "actions": ["utter_gone"]}]},
    ],
)
def test_a_memory_that_does_not_fit_is_forgotten(assistant: Assistant, memory: Json) -> None:
    assert assistant.rasa.turn("早餐几点", memory, facts())["acts"] == [
        {"act": "answer", "topic": "ask_breakfast"}
    ]


def test_facts_may_be_missing_altogether(assistant: Assistant) -> None:
    assert assistant.rasa.turn("下午三点叫我起床", None, {})["acts"][0]["key"] == "wake_ask_room"


def test_conversations_side_by_side_do_not_mix(assistant: Assistant) -> None:
    def goes_through(room: str) -> set[str]:
        memory, rooms = None, set()
        for text in ("明早七点叫我起床", "改成七点半", "早餐几点", "对"):
            answer = assistant.rasa.turn(text, memory, facts(room=room))
            memory = answer["memory"]
            rooms |= {act["slots"]["room"] for act in answer["acts"] if act["act"] == "order"}
            rooms |= {act["values"]["room"] for act in answer["acts"] if act.get("key") == "wake_confirm"}
        return rooms

    rooms = [str(number) for number in range(1201, 1213)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(goes_through, rooms)) == [{room} for room in rooms]


def test_a_long_conversation_leaves_no_more_than_a_short_one(assistant: Assistant) -> None:
    memory: Json | None = None
    sizes = []
    for _ in range(15):
        for text in ("你好", "早餐几点", "送两瓶水", "对"):
            memory = assistant.rasa.turn(text, memory, facts())["memory"]
        sizes.append(len(json.dumps(memory)))
    assert len(set(sizes)) == 1
    assert len(memory["turns"] if memory else []) == 3


class Broken(BaseHTTPRequestHandler):
    """An action server whose every answer is useless."""

    answer: tuple[int, bytes] = (500, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, content = self.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def without_actions(assistant: Assistant) -> Iterator[Assistant]:
    assistant.actions.stop(signal.SIGKILL)  # told to end just after its start it may not hear it, and stays
    yield assistant
    assistant.actions.start()


def test_without_the_action_server_questions_and_alarms_are_still_answered(
    without_actions: Assistant,
) -> None:
    for text, act in (("早餐几点", "answer"), ("着火了快来人", "handoff"), ("转人工", "handoff")):
        assert without_actions.rasa.turn(text, None, facts())["acts"][0]["act"] == act


def test_without_the_action_server_a_task_fails_visibly(without_actions: Assistant) -> None:
    status, answer = without_actions.rasa.post(body(text="明早七点叫我起床"))
    assert (status, answer["closed"]) == (500, False)
    assert "acts" not in answer


def test_a_silent_action_server_is_a_failure_in_time(without_actions: Assistant) -> None:
    with socket.create_server(("127.0.0.1", without_actions.actions.port)):
        assert without_actions.rasa.post(body(text="明早七点叫我起床")) == (
            504,
            {"closed": False, "error": "timeout"},
        )


@pytest.mark.parametrize(
    "useless",
    [
        (500, b"{}"),
        (404, b'{"error": "no such action", "action_name": "validate_wake_up_form"}'),
        (449, b"{}"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"no json"),
        (200, b'{"events": [{"event": "nonsense"}], "responses": []}'),
        (200, b'{"events": [], "responses": [{"text": "words without an act"}]}'),
    ],
)
def test_a_useless_answer_of_the_action_server_is_a_failure(
    without_actions: Assistant, useless: tuple[int, bytes]
) -> None:
    handler = type("Useless", (Broken,), {"answer": useless})
    with HTTPServer(("127.0.0.1", without_actions.actions.port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        status, answer = without_actions.rasa.post(body(text="明早七点叫我起床"))
        server.shutdown()
        thread.join()
    assert (status, answer["closed"]) == (500, False)


def test_no_log_holds_what_a_guest_wrote(assistant: Assistant) -> None:
    for text in ("芝麻开门叫我起床", "/芝麻开门", "我要投诉芝麻开门"):
        assistant.rasa.post(body(text=text))
        assistant.rasa.post(body(text=text, facts={"now": "芝麻开门"}))
    logs = assistant.rasa.log.read_text() + assistant.actions.log.read_text()
    assert "芝麻" not in logs
