"""Each check is proven by a copy of the real project with one thing broken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from actions.server import ACTIONS
from nlu.project_check import CHECKS, Project, mistakes

ROOT = Path(__file__).parents[2]
PARTS = ("actions", "data", "texts")
FILES = ("domain.yml", "config.yml", "endpoints.yml")

Edit = Callable[[str], str]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def put(new: str, old: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text, f"{old!r} isn't in the file any more"
        return text.replace(old, new, 1)

    return edit


def test_the_project_is_in_order() -> None:
    assert list(mistakes(Project(ROOT))) == []


def without_rule(name: str) -> Edit:
    def edit(text: str) -> str:
        file = yaml.safe_load(text)
        kept = [rule for rule in file["rules"] if rule["rule"] != name]
        assert len(kept) == len(file["rules"]) - 1
        return yaml.safe_dump({**file, "rules": kept}, allow_unicode=True)

    return edit


BROKEN = [
    ("data/rules/faq.yml", without_rule("ask_wifi"), "intent ask_wifi: 0 rules begin with it"),
    ("data/rules/alerts.yml", without_rule("not understood"), "intent nlu_fallback: 0 rules"),
    ("domain.yml", put("", "- ask_gym\n"), "intent ask_gym: has a rule and isn't in the domain"),
    ("domain.yml", put("- ask_gym\n- ask_moon\n", "- ask_gym\n"), "intent ask_moon: 0 different examples"),
    ("domain.yml", put("", "- device\n"), "entity device: annotated and isn't in the domain"),
    ("data/rules/faq.yml", put("utter_ask_pools", "utter_ask_pool"), "action utter_ask_pools: in a rule"),
    ("domain.yml", put("key: greeting", "key: greet"), "response utter_greet: says greeting, not greet"),
    (
        "domain.yml",
        put("topic: ask_pools", "topic: ask_pool"),
        "response utter_ask_pool: topic ask_pools isn't",
    ),
    ("domain.yml", put("reason: fire", "reason: emergency"), "fire is no reason of ours"),
    ("domain.yml", put("- text: ''", '- text: "[ask_pool]"'), "response utter_ask_pool: needs one variant"),
    ("texts/dialogue.zh.yml", put("greeting:", "greet:"), "text greet: not in texts/ for zh"),
    ("texts/dialogue.en.yml", put("greeting:", "greet:"), "text greet: not in texts/ for en"),
    (
        "texts/dialogue.zh.yml",
        put("x_unused: 没人说\ngreet:", "greet:"),
        "text x_unused: nothing says it (zh)",
    ),
    ("data/rules/faq.yml", put("utter_ask_gym", "utter_ask_pool"), "response utter_ask_pool: neither a rule"),
    (
        "texts/dialogue.zh.yml",
        put("reading_ask_pool: 泳池的事", "reading_ask_pool: 游泳池几点开放"),
        "text reading_ask_pool: isn't among the examples of ask_pool",
    ),
    (
        "texts/dialogue.en.yml",
        put("reading_pool: ", "reading_ask_pool: "),
        "text reading_ask_pool: not in texts/",
    ),
    ("domain.yml", put("  utter_stop_noticed:", "  utter_stop_noted:"), "text stop_noted: an action says it"),
    ("data/rules/forms.yml", without_rule("service_form ends"), "form service_form: needs one rule"),
    ("domain.yml", put("", "- validate_wake_up_form\n"), "form wake_up_form: validate_wake_up_form isn't"),
    ("data/rules/tasks.yml", put("", "  - active_loop: wake_up_form\n"), "opens wake_up_form without"),
    (
        "domain.yml",
        put("    - type: custom\n      action: action_deny\n", "    - type: custom\n"),
        "is filled by an action of its own",
    ),
    (
        "domain.yml",
        put("influence_conversation: true", "influence_conversation: false"),
        "must not influence",
    ),
    (
        "config.yml",
        put("name: action_listen", "name: action_default_fallback"),
        "core_fallback_action_name isn't",
    ),
    ("domain.yml", put("", "- action_default_fallback\n"), "Rasa's own would take the guest's turn back"),
    ("data/rules/alerts.yml", without_rule("after the core fallback, listen"), "no rule listens after it"),
    (
        "endpoints.yml",
        put("action_endpoint:\n  enable_selective_domain: true\n", "action_endpoint:\n"),
        "enable_selective_domain",
    ),
]


@pytest.mark.parametrize(("file", "edit", "mistake"), BROKEN, ids=[case[2] for case in BROKEN])
def test_one_thing_broken_is_named(copy: Path, file: str, edit: Edit, mistake: str) -> None:
    path = copy / file
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert [found for found in mistakes(Project(copy)) if mistake in found]


def test_an_example_under_two_intents_is_named(copy: Path) -> None:
    extra = {
        "nlu": [
            {"intent": "greet", "examples": "- 早餐几点呀呀\n"},
            {"intent": "deny", "examples": "- 早餐几点呀呀\n"},
        ]
    }
    (copy / "data/nlu/zz.yml").write_text(yaml.safe_dump(extra, allow_unicode=True), encoding="utf-8")
    assert "example '早餐几点呀呀': under greet and under deny" in list(mistakes(Project(copy)))


def test_no_check_is_without_a_proof() -> None:
    assert len(CHECKS) == 16, "a new check needs a case above"


def test_the_domain_names_every_action_of_the_server_and_no_other() -> None:
    assert sorted(Project(ROOT).domain["actions"]) == sorted(action().name() for action in ACTIONS)


def test_the_intents_and_entities_are_those_of_the_specification(testdata: Path) -> None:
    spec = yaml.safe_load((testdata.parent / "spec/intents.yml").read_text(encoding="utf-8"))
    domain = Project(ROOT).domain
    assert sorted(domain["intents"]) == sorted(intent["name"] for intent in spec["intents"])
    assert sorted(domain["entities"]) == sorted(entity["name"] for entity in spec["entities"])


def test_there_are_seventy_intents() -> None:
    assert len(set(Project(ROOT).intents)) == 70
