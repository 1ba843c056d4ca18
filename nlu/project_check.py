"""Our own check of the Rasa project: what `rasa data validate` lets pass. Reads files, imports no Rasa.

`python -m nlu.project_check` names every mistake and exits 1, or says that there is none and exits 0.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

LEAST_EXAMPLES = 15
LOCALES = ("zh", "en")
READING = "reading_"  # and an intent: the title under which it is offered to choose from
FALLBACK = "action_default_fallback"
BUILT_IN = {"action_deactivate_loop", "action_listen"}
REASONS = {
    *("emergency", "complain", "billing_dispute", "privacy_request", "suggest", "human_handoff"),
    *(
        "low_confidence",
        "misunderstood",
        "engine_failed",
        "missing_fact",
        "action_failed",
        "unsupported_task",
    ),
}
ENTITY = re.compile(r"\[[^\]]+\](?:\((?P<plain>\w+)\)|\{[^}]*\"entity\":\s*\"(?P<mapped>\w+)\"[^}]*\})")

Json = Mapping[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Project:
    """The files of the project under `root`, read once."""

    root: Path

    @cached_property
    def domain(self) -> Json:
        domain: Json = _yaml(self.root / "domain.yml")
        return domain

    @cached_property
    def rules(self) -> list[Json]:
        files = sorted((self.root / "data/rules").glob("*.yml"))
        return [rule for file in files for rule in _yaml(file)["rules"]]

    @cached_property
    def examples(self) -> dict[str, list[str]]:
        """The examples of each intent, annotations and all."""
        found: dict[str, list[str]] = {}
        for file in sorted((self.root / "data/nlu").rglob("*.yml")):
            for block in _yaml(file).get("nlu") or ():
                if "intent" in block:
                    found.setdefault(block["intent"], []).extend(_lines(block["examples"]))
        return found

    @cached_property
    def texts(self) -> dict[str, set[str]]:
        """The keys of each language."""
        return {locale: self._keys(locale) for locale in LOCALES}

    def _keys(self, locale: str) -> set[str]:
        files = [self.root / f"texts/{locale}.yml", *(self.root / "texts").glob(f"*.{locale}.yml")]
        return {key for file in files for key in _yaml(file)}

    @cached_property
    def said(self) -> "Said":
        return Said.read(self.root / "actions")

    @property
    def intents(self) -> list[str]:
        return list(self.domain["intents"])

    @property
    def offered(self) -> list[str]:
        """The intents that config.yml lets be offered as a reading; none without a component that offers."""
        pipeline = _yaml(self.root / "config.yml").get("pipeline") or []
        unasked = [one["unasked"] for one in pipeline if one["name"].endswith(".DecisionMaker")]
        return [intent for intent in self.intents if unasked and intent not in unasked[0]]

    @property
    def forms(self) -> list[str]:
        return list(self.domain["forms"])

    @property
    def responses(self) -> dict[str, list[Json]]:
        return dict(self.domain["responses"])

    @property
    def starts(self) -> Counter[str]:
        """How many rules begin with each intent."""
        return Counter(
            step["intent"] for rule in self.rules for step in rule["steps"][:1] if "intent" in step
        )

    @property
    def rule_actions(self) -> set[str]:
        return {step["action"] for rule in self.rules for step in rule["steps"] if "action" in step}


@dataclass(frozen=True)
class Said:
    """What the code of the actions may say: keys handed to say(), and every word or pattern in it."""

    keys: frozenset[str]
    words: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def read(cls, folder: Path) -> "Said":
        trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        return cls(
            frozenset(key for node in nodes for key in _said_keys(node)),
            frozenset(
                node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ),
            tuple(_pattern(node) for node in nodes if isinstance(node, ast.JoinedStr)),
        )

    def may_say(self, key: str) -> bool:
        return key in self.words or any(pattern.fullmatch(key) for pattern in self.patterns)


def mistakes(project: Project) -> Iterator[str]:
    """Everything that is wrong, in sentences."""
    for check in CHECKS:
        yield from check(project)


def _intents_have_rules(project: Project) -> Iterator[str]:
    for intent in [*project.intents, "nlu_fallback"]:
        if project.starts[intent] != 1:
            yield f"intent {intent}: {project.starts[intent]} rules begin with it, not one"
    for intent in sorted(set(project.starts) - {*project.intents, "nlu_fallback"}):
        yield f"intent {intent}: has a rule and isn't in the domain"


def _intents_have_examples(project: Project) -> Iterator[str]:
    for intent in project.intents:
        plain = {_plain(line) for line in project.examples.get(intent, ())}
        if len(plain) < LEAST_EXAMPLES:
            yield f"intent {intent}: {len(plain)} different examples, fewer than {LEAST_EXAMPLES}"
    for intent in sorted(set(project.examples) - set(project.intents)):
        yield f"intent {intent}: has examples and isn't in the domain"


def _examples_are_of_one_intent(project: Project) -> Iterator[str]:
    owner: dict[str, str] = {}
    for intent, lines in project.examples.items():
        for line in lines:
            first = owner.setdefault(_plain(line), intent)
            if first != intent:
                yield f"example {_plain(line)!r}: under {first} and under {intent}"


def _entities_are_known(project: Project) -> Iterator[str]:
    known = set(project.domain["entities"])
    lines = [line for lines in project.examples.values() for line in lines]
    used = {found["plain"] or found["mapped"] for line in lines for found in ENTITY.finditer(line)}
    yield from (f"entity {entity}: annotated and isn't in the domain" for entity in sorted(used - known))


def _actions_exist(project: Project) -> Iterator[str]:
    known = {*project.domain["actions"], *project.responses, *project.forms, *BUILT_IN}
    yield from (
        f"action {name}: in a rule and not in the domain" for name in sorted(project.rule_actions - known)
    )


def _responses_are_acts(project: Project) -> Iterator[str]:
    for name, variants in project.responses.items():
        key = name.removeprefix("utter_")
        acts = [variant.get("custom") or {} for variant in variants]
        if len(acts) != 1 or not variants[0].get("text"):
            yield f"response {name}: needs one variant, with a text for rasa shell and a custom act"
        elif mistake := _act_mistake(acts[0], key, project):
            yield f"response {name}: {mistake}"


def _act_mistake(act: Json, key: str, project: Project) -> str | None:
    match act.get("act"):
        case "say":
            return None if act.get("key") == key else f"says {act.get('key')}, not {key}"
        case "answer":
            return (
                None
                if act.get("topic") == key in project.intents
                else f"topic {act.get('topic')} isn't {key}"
            )
        case "handoff":
            return None if act.get("reason") in REASONS else f"{act.get('reason')} is no reason of ours"
    return f"{act.get('act')} is no act of a response"


def _keys_have_texts(project: Project) -> Iterator[str]:
    acts = [variant["custom"] for variants in project.responses.values() for variant in variants]
    said = {act["key"] for act in acts if act.get("act") == "say"}
    options = {option["key"] for act in acts for option in act.get("options") or () if "key" in option}
    wanted = said | options | {word for word in project.said.words if word.startswith("option_")}
    for locale, keys in project.texts.items():
        yield from (f"text {key}: not in texts/ for {locale}" for key in sorted(wanted - keys))


def _texts_are_used(project: Project) -> Iterator[str]:
    said = {name.removeprefix("utter_") for name in project.responses} | project.said.words
    said |= {READING + intent for intent in project.intents}
    for locale in LOCALES:
        keys = set(_yaml(project.root / f"texts/dialogue.{locale}.yml"))
        yield from (f"text {key}: nothing says it ({locale})" for key in sorted(keys - said))


def _responses_are_used(project: Project) -> Iterator[str]:
    for name in project.responses:
        if name not in project.rule_actions and not project.said.may_say(name.removeprefix("utter_")):
            yield f"response {name}: neither a rule nor an action uses it"


def _readings_are_examples(project: Project) -> Iterator[str]:
    """What is offered when a message may mean two things is sent as it stands: it must surely be read."""
    for locale, keys in project.texts.items():
        offered = (READING + intent for intent in project.offered)
        yield from (f"text {key}: not in texts/ for {locale}" for key in sorted(set(offered) - keys))
    titles = _yaml(project.root / "texts/dialogue.zh.yml")
    for intent in project.offered:
        title = titles.get(READING + intent)
        if title and title not in {_plain(line) for line in project.examples.get(intent, ())}:
            yield f"text {READING}{intent}: isn't among the examples of {intent}"


def _said_keys_are_responses(project: Project) -> Iterator[str]:
    known = {name.removeprefix("utter_") for name in project.responses}
    yield from (
        f"text {key}: an action says it, utter_{key} isn't there" for key in sorted(project.said.keys - known)
    )


def _forms_end_in_a_rule(project: Project) -> Iterator[str]:
    """Without such a rule, core fallback would follow the last step of a form."""
    for form in project.forms:
        for action in (f"validate_{form}", f"action_{form}_end"):
            if action not in project.domain["actions"]:
                yield f"form {form}: {action} isn't in the domain"
        if sum(_ends(rule["steps"], form) for rule in project.rules) != 1:
            yield f"form {form}: needs one rule from its last step to action_{form}_end"


def _ends(steps: list[Json], form: str) -> bool:
    shut = steps[:2] == [{"action": form}, {"active_loop": None}]
    return shut and steps[-1] == {"action": f"action_{form}_end"}


def _forms_are_opened(project: Project) -> Iterator[str]:
    for rule in project.rules:
        steps = rule["steps"]
        form = steps[1].get("action") if len(steps) > 1 and "intent" in steps[0] else None
        if form in project.forms and {"active_loop": form} not in steps:
            yield f"rule {rule['rule']}: opens {form} without `active_loop: {form}`"


def _slots_need_no_action(project: Project) -> Iterator[str]:
    """Rasa only logs it when an action that fills slots fails, and goes on as if nothing were said."""
    for name, slot in project.domain["slots"].items():
        if any("action" in mapping for mapping in slot["mappings"]):
            yield f"slot {name}: is filled by an action of its own"
        if slot.get("influence_conversation", True):
            yield f"slot {name}: must not influence what is predicted"
    if "action_validate_slot_mappings" in project.domain["actions"]:
        yield "action_validate_slot_mappings: Rasa swallows its failures"


def _fallback_is_ours(project: Project) -> Iterator[str]:
    policies = {policy["name"]: policy for policy in _yaml(project.root / "config.yml")["policies"]}
    if policies.get("RulePolicy", {}).get("core_fallback_action_name") != FALLBACK:
        yield f"config.yml: core_fallback_action_name isn't {FALLBACK}"
    if FALLBACK not in project.domain["actions"]:
        yield f"{FALLBACK}: not in the domain, so that Rasa's own would take the guest's turn back"
    if not any(rule["steps"] == [{"action": FALLBACK}] for rule in project.rules):
        yield f"{FALLBACK}: no rule listens after it, so that it would be predicted for ever"


def _domain_is_sent_whole(project: Project) -> Iterator[str]:
    if "enable_selective_domain" in _yaml(project.root / "endpoints.yml")["action_endpoint"]:
        yield "endpoints.yml: enable_selective_domain makes the SDK answer 449, which Rasa doesn't retry"


CHECKS = (
    _intents_have_rules,
    _intents_have_examples,
    _examples_are_of_one_intent,
    _entities_are_known,
    _actions_exist,
    _responses_are_acts,
    _keys_have_texts,
    _texts_are_used,
    _responses_are_used,
    _readings_are_examples,
    _said_keys_are_responses,
    _forms_end_in_a_rule,
    _forms_are_opened,
    _slots_need_no_action,
    _fallback_is_ours,
    _domain_is_sent_whole,
)


def _yaml(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)


def _lines(examples: str) -> list[str]:
    return [line.removeprefix("-").strip() for line in examples.splitlines() if line.startswith("-")]


def _plain(line: str) -> str:
    return re.sub(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})", r"\1", line)


def _said_keys(node: ast.AST) -> Iterator[str]:
    """The literal keys of a call of say(), also where it chooses between two."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "say":
        return
    key = node.args[0]
    choices = [key.body, key.orelse] if isinstance(key, ast.IfExp) else [key]
    yield from (one.value for one in choices if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _pattern(node: ast.JoinedStr) -> re.Pattern[str]:
    """An f-string as a pattern. One without a word of its own matches nothing."""
    parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
    if not any(part and re.search(r"[a-z]{3}", str(part)) for part in parts):
        return re.compile(r"(?!)")
    return re.compile("".join(r"\w+" if part is None else re.escape(str(part)) for part in parts))


def main() -> int:
    found = list(mistakes(Project(Path.cwd())))
    for mistake in found:
        print(mistake, file=sys.stderr)
    print(f"{len(found)} mistakes in the Rasa project" if found else "the Rasa project is in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
