"""Corrections as training data: what is written, what is left out, and that it stays data."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bot.annotation import KINDS, Place, annotated, line_of, places, read_in
from bot.corrections import Example, Export, export, intents, page, trained_in
from bot.model import HotelId
from nlu.project_check import Project, mistakes
from tests.core import texts

ROOT = Path(__file__).parents[2]
ONE, TWO = HotelId("one"), HotelId("two")
KNOWN = intents(texts()["zh"])
MARKUP = re.compile(r"\[[^\]]+\](?:\(|\{|\[)")


def example(text: str, intent: str = "ask_breakfast", hotel: HotelId = ONE) -> Example:
    return Example(hotel, intent, line_of([text]))


def written(*examples: Example, trained: Mapping[str, str] | None = None) -> Export:
    return export(examples, KNOWN, trained or {})


def lines(done: Export) -> dict[str, list[str]]:
    """What a reader of YAML finds in the file."""
    blocks = yaml.safe_load(page(done))["nlu"]
    return {block["intent"]: block["examples"].splitlines() for block in blocks}


def test_staff_may_choose_every_intent_of_the_domain_and_no_other() -> None:
    domain = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))["intents"]
    assert sorted(KNOWN) == sorted(domain)
    assert len(set(KNOWN.values())) == len(KNOWN)  # two of one name can't be told apart
    assert set(intents(texts()["en"])) == set(KNOWN)


def test_it_is_grouped_by_intent_in_an_order_of_its_own() -> None:
    given = [example("早饭几点"), example("泳池开吗", "ask_pool", TWO), example("早餐在哪")]
    done = written(*given)
    assert page(done) == page(written(*reversed(given)))
    assert lines(done) == {"ask_breakfast": ["- 早餐在哪", "- 早饭几点"], "ask_pool": ["- 泳池开吗"]}
    assert yaml.safe_load(page(done))["version"] == "3.1"
    assert (len(done.examples), done.intents, done.hotels) == (3, 2, 2)


def test_what_is_the_same_to_a_reader_stands_once() -> None:
    done = written(example("早饭几点？"), example("早饭几点", hotel=TWO), example("早饭 几点!!"))
    assert len(done.examples) == 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("[早饭](item)几点", "［早饭］(item)几点"),
        ('[明天]{"entity": "date"}有吗', '［明天］{"entity": "date"}有吗'),
        ("早饭\n- intent: greet\n  examples: |\n    - 好", "早饭 - intent: greet examples: | - 好"),
        ("早饭\u2028几点\x85在\x0b哪\x00儿", "早饭 几点 在 哪 儿"),
        ("电话 13912345678，1208房，陈志远", "电话 13912345678，1208房，陈志远"),
        ("  早饭\u3000几点 ", "早饭 几点"),
    ],
)
def test_a_guests_words_stay_words(said: str, line: str) -> None:
    done = written(example(said))
    assert lines(done) == {"ask_breakfast": [f"- {line}"]}
    assert not MARKUP.search(page(done))


def test_a_turn_of_several_messages_is_one_example_of_bounded_length() -> None:
    assert line_of(["请问一下", "早饭几点"]) == "请问一下 早饭几点"
    assert len(line_of(["早" * 9000])) == 500


def test_nothing_but_signs_and_figures_teaches_nothing() -> None:
    done = written(example("1"), example("？？？"), example("😀"), example("好"))
    assert ([e.text for e in done.examples], done.wordless) == (["好"], 3)


def test_what_is_read_differently_is_nobodys_example() -> None:
    done = written(
        example("早饭几点"), example("早饭几点？", "ask_dining", TWO), example("泳池开吗", "ask_pool")
    )
    assert (lines(done), done.contradicted) == ({"ask_pool": ["- 泳池开吗"]}, 1)


def test_what_is_trained_on_already_is_left_out_and_not_contradicted() -> None:
    documents = [
        {"nlu": [{"intent": "ask_breakfast", "examples": "- [早饭](item)几点\n- 早餐在哪\n"}]},
        {"nlu": [{"synonym": "早餐", "examples": "- 早饭\n"}]},
        None,
    ]
    trained = trained_in(documents)
    done = written(example("早饭几点"), example("早餐在哪？", "ask_dining"), example("早点"), trained=trained)
    assert lines(done) == {"ask_breakfast": ["- 早点"]}
    assert (done.known, done.contradicted) == (1, 1)


def test_an_intent_that_is_gone_is_named() -> None:
    assert written(example("早饭几点", "ask_moon")).unknown == {"ask_moon"}


def test_the_project_is_in_order_with_corrections_and_without(tmp_path: Path) -> None:
    for name in ("actions", "data", "texts", "config.yml", "domain.yml", "endpoints.yml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    beside = tmp_path / "data/nlu"
    (beside / "corrections.yml").unlink(missing_ok=True)
    before = list(mistakes(Project(tmp_path)))
    documents = [yaml.safe_load(file.read_text("utf-8")) for file in beside.glob("*.yml")]
    taught = trained_in(documents)
    clash = example(next(iter(Project(tmp_path).examples["greet"])), "goodbye")
    done = written(example("我想晓得[早饭](item)吃到几点钟"), clash, trained=taught)
    (beside / "corrections.yml").write_text(page(done), "utf-8")
    assert (len(done.examples), done.contradicted) == (1, 1)
    assert list(mistakes(Project(tmp_path))) == before


def test_guests_words_are_kept_out_of_the_repository_and_of_images() -> None:
    for name, line in (
        (".gitignore", "/data/nlu/corrections.yml"),
        (".dockerignore", "data/nlu/corrections.yml"),
    ):
        assert line in (ROOT / name).read_text("utf-8").splitlines()


# ---- entities


def test_the_kinds_are_those_of_the_domain() -> None:
    assert sorted(KINDS) == sorted(yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))["entities"])


@pytest.mark.parametrize(
    ("words", "found", "line"),
    [
        (["明早七点叫我"], [(0, 2, "date"), (2, 4, "time")], "[明早](date)[七点](time)叫我"),
        (["送  两条 浴巾"], [(3, 5, "quantity"), (6, 8, "item")], "送 [两条](quantity) [浴巾](item)"),
        (
            ["你好\n", " 浴巾", "1208"],
            [(5, 7, "item"), (8, 12, "room_number")],
            "你好 [浴巾](item) [1208](room_number)",
        ),
        (["[浴巾](item)要两条浴巾"], [(13, 15, "item")], "［浴巾］(item)要两条[浴巾](item)"),
        (["浴巾"], [(0, 9, "item")], "浴巾"),  # beyond the words
        (["a\x00b浴巾"], [(3, 5, "item")], "a b[浴巾](item)"),
    ],
)
def test_entities_stand_where_they_were_read(
    words: list[str], found: list[tuple[int, int, str]], line: str
) -> None:
    assert annotated(words, [Place(*one) for one in found]) == line
    assert trained_in([{"nlu": [{"intent": "greet", "examples": f"- {line}\n"}]}]).keys() == {
        Example(ONE, "greet", line_of(words)).letters
    }


def test_what_is_no_place_is_none_and_other_words_have_none() -> None:
    date = {"entity": "date", "start": 0, "end": 2}
    wrong = [{**date, "entity": "mood"}, {**date, "end": 0}, {**date, "start": True}, {**date, "end": 1}, 7]
    assert places([*wrong, {"entity": "time", "start": 1, "end": 3}]) == (
        Place(0, 1, "date"),
        Place(1, 3, "time"),
    )
    assert places("date") == ()
    assert read_in(["明早"], {"entities": [date], "asked": 2}) == (Place(0, 2, "date"),)
    assert read_in(["明早见"], {"entities": [date], "asked": 2}) == ()
    assert read_in(["明早"], {"intent": "greet"}) == ()


def test_what_is_written_has_its_entities() -> None:
    given = Example(ONE, "wake_up_call", "明早叫我", "[明早](date)叫我")
    assert lines(written(given)) == {"wake_up_call": ["- [明早](date)叫我"]}
