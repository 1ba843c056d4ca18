import copy
import re
import shutil
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.handoff import duty
from bot.hotel_files import BadHotel, HotelFile, difference, load, parse, read
from bot.hotel_sheet import parse_rooms, room_ranges
from bot.texts import MissingValue, Texts, load_texts, placeholders

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "hotels" / "xinghaihui"
SECOND = ROOT / "tests" / "data" / "hotels" / "yunting"
NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def ours() -> dict[str, Texts]:
    return load_texts(ROOT / "texts")


@pytest.fixture(scope="module")
def sample(ours: dict[str, Texts]) -> HotelFile:
    return load(SAMPLE, ours)


@pytest.fixture
def documents() -> dict[str, Any]:
    return copy.deepcopy(read(SAMPLE))


def answer(hotel: HotelFile, topic: str) -> str:
    texts = Texts("zh")
    return texts.fill(hotel.topics[topic].answer, {}, facts=hotel.all_facts(), now=NOW, zone=hotel.zone)


def mistakes_of(documents: dict[str, Any], ours: dict[str, Texts] | None = None) -> str:
    with pytest.raises(BadHotel) as caught:
        parse(documents, ours)
    return str(caught.value)


# ---- the sample hotel


def test_the_sample_answers_every_topic_without_a_gap(sample: HotelFile) -> None:
    assert sample.unfilled() == {}
    for topic in sample.topics:
        text = answer(sample, topic)
        assert "{" not in text
        assert "。。" not in text


FAQ_INTENTS = {
    *("ask_cancel_policy", "ask_price", "ask_membership", "ask_room_type", "ask_deposit", "ask_payment"),
    *("ask_checkin_time", "ask_checkin_document", "ask_visitor", "ask_location", "ask_parking"),
    *("ask_checkout_time", "ask_breakfast", "ask_dining", "ask_wifi", "ask_gym", "ask_pool", "ask_laundry"),
    *("ask_facility", "ask_pet", "ask_smoking", "ask_child_extra_bed", "ask_accessibility", "ask_nearby"),
    *("ask_delivery", "ask_contact", "ask_device_usage"),
}


def test_every_faq_intent_has_an_answer(sample: HotelFile) -> None:
    assert set(sample.topics) == FAQ_INTENTS


def test_changing_one_fact_changes_every_answer_that_names_it(documents: dict[str, Any]) -> None:
    old = parse(documents)
    documents["hotel"]["facts"]["device_line"] = "9999"
    new = parse(documents)
    changed = {topic for topic in old.topics if answer(old, topic) != answer(new, topic)}
    naming = {
        name
        for name, topic in old.topics.items()
        if "device_line" in {fact for fact, _ in placeholders(topic.answer)}
    }
    assert changed == naming
    assert len(naming) >= 3
    assert all("9999" in answer(new, topic) for topic in naming)


def test_every_fact_of_the_sample_is_in_some_answer(sample: HotelFile) -> None:
    named = {fact for topic in sample.topics.values() for fact, _ in placeholders(topic.answer)}
    assert set(sample.facts) - named == set()


def test_no_answer_of_the_sample_says_a_number_by_itself(sample: HotelFile) -> None:
    """Or a floor, a time, a sum: what staff change under 酒店资料 would go on being said otherwise."""
    number = re.compile(r"\d|[一二三四五六七八九十两百]+(?:楼|层|点|元|块|折|米|号)")
    said = [re.sub(r"\{\w+(:\w+)?\}", "", topic.answer) for topic in sample.topics.values()]
    own = [
        reply for one in sample.own.values() for reply in (*(one.hotel.keywords or ()), *one.hotel.buttons())
    ]
    said += [re.sub(r"\{\w+(:\w+)?\}", "", one.reply.text) for one in own if one.reply]
    assert [words for words in said if number.search(words)] == []


def test_a_fact_that_is_missing_is_found_and_never_a_gap(documents: dict[str, Any]) -> None:
    del documents["hotel"]["facts"]["wifi_name"]
    hotel = parse(documents)
    assert hotel.unfilled() == {"ask_wifi": ("wifi_name",)}
    with pytest.raises(MissingValue) as caught:
        answer(hotel, "ask_wifi")
    assert caught.value.name == "wifi_name"


def test_when_somebody_is_on_duty_is_said_as_it_is_counted(sample: HotelFile) -> None:
    assert "每天 07:00–23:00" in answer(sample, "ask_contact")
    at_three = datetime(2026, 11, 23, 3, 0, tzinfo=sample.zone)
    assert duty(sample.duty, at_three).next == datetime(2026, 11, 23, 7, 0, tzinfo=sample.zone)


def test_the_samples_own_wording_replaces_ours(sample: HotelFile, ours: dict[str, Texts]) -> None:
    own = ours["zh"].with_overrides(sample.texts["zh"])
    assert own.sentence("follow_welcome") != ours["zh"].sentence("follow_welcome")


# ---- the second hotel


def test_the_second_hotel_has_the_same_rooms_and_nothing_else_in_common(sample: HotelFile) -> None:
    second = load(SECOND)
    assert "1208" in second.rooms
    assert "1208" in sample.rooms
    assert second.zone == ZoneInfo("Asia/Urumqi")
    assert answer(second, "ask_breakfast") != answer(sample, "ask_breakfast")
    assert second.unfilled() == {"ask_wifi": ("wifi_name", "wifi_password")}


def test_hours_past_midnight_days_off_and_single_dates_are_understood() -> None:
    hours = load(SECOND).duty
    assert hours.week[4] == ((time(9), time(2)),)
    assert hours.week[6] == ()
    assert hours.days == {date(2027, 2, 6): ((time(10), time(16)),)}
    assert load(SECOND).all_facts()["duty_hours"] == (
        "周一至周四 09:00–21:00，周五、周六 09:00–02:00，周日 休息"
    )


# ---- mistakes


def test_every_mistake_is_told_at_once(documents: dict[str, Any], ours: dict[str, Texts]) -> None:
    hotel = documents["hotel"]
    hotel["id"] = "Xing Hai"
    hotel["timezone"] = "Asia/Beijing"
    hotel["phone"] = "call us"
    hotel["duty"]["mon"] = ["7-23"]
    hotel["duty"]["monday"] = ["07:00-23:00"]
    hotel["privacy"]["url"] = "javascript:alert(1)"
    hotel["widget"]["colour"] = "blue"
    hotel["widget"]["origins"] = ["https://a.example/path"]
    hotel["room_types"]["TWIN"] = ["大床房"]
    hotel["rooms"] = ["1220-1201"]
    hotel["facts"]["deposit"] = 300.5
    hotel["facts"]["hotel_phone"] = "1"
    hotel["colour"] = "red"
    del hotel["address"]
    documents["knowledge"]["ask_wifi"]["answer"] = "{wifi.name}"
    documents["knowledge"]["ask_gym"] = "text"
    documents["texts"]["zh"]["no_such_text"] = "x"
    documents["texts"]["fr"] = {}
    told = mistakes_of(documents, ours)
    for place in (
        "hotel.yml: id:",
        "hotel.yml: timezone:",
        "hotel.yml: phone:",
        "hotel.yml: duty: mon:",
        "hotel.yml: duty: monday:",
        "hotel.yml: privacy: url:",
        "hotel.yml: widget: colour:",
        "hotel.yml: widget: origins:",
        "hotel.yml: room_types: TWIN:",
        "hotel.yml: rooms:",
        "hotel.yml: facts: deposit:",
        "hotel.yml: facts: hotel_phone:",
        "hotel.yml: colour: is not a field we know",
        "hotel.yml: address: is missing",
        "knowledge.yml: ask_wifi: answer: bad placeholder",
        "knowledge.yml: ask_gym:",
        "texts.yml: zh: no_such_text",
        "texts.yml: fr:",
    ):
        assert place in told, place


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_document_that_is_no_mapping_is_a_mistake_and_no_crash(document: Any) -> None:
    assert "hotel.yml" in mistakes_of({"hotel": document, "knowledge": document, "texts": document})


def test_the_folder_bears_the_id(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "other")
    with pytest.raises(BadHotel, match="'other'"):
        load(tmp_path / "other")


def test_a_folder_without_files_and_a_broken_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "hotel.yml").write_text("id: [", encoding="utf-8")
    with pytest.raises(BadHotel) as caught:
        load(tmp_path)
    assert len(caught.value.mistakes) == 2


def test_yaml_is_read_as_people_mean_it(tmp_path: Path) -> None:
    (tmp_path / "hotel.yml").write_text("a: 10:30\nb: 0801\nc: no\nd: 2026-11-23\ne: 300\n", encoding="utf-8")
    (tmp_path / "knowledge.yml").write_text("{}", encoding="utf-8")
    assert read(tmp_path)["hotel"] == {"a": "10:30", "b": "0801", "c": "no", "d": "2026-11-23", "e": 300}


# ---- the difference


def test_the_same_files_make_no_difference(sample: HotelFile) -> None:
    assert difference(sample, load(SAMPLE)) == []


def test_a_first_import_is_all_new(sample: HotelFile) -> None:
    lines = difference(None, sample)
    assert all(line.startswith("+ ") for line in lines)
    assert "+ facts.deposit: 30000" in lines


def test_the_difference_names_what_is_new_gone_and_changed(
    documents: dict[str, Any], sample: HotelFile
) -> None:
    facts = documents["hotel"]["facts"]
    facts["breakfast_hours"] = "07:00–10:00"
    facts["sauna_hours"] = "18:00–23:00"
    del facts["pet_hotel"]
    documents["hotel"]["duty"]["sun"] = []
    documents["hotel"]["duty"]["2027-02-17"] = ["09:00-18:00"]
    documents["knowledge"]["ask_pet"]["title"] = "带宠物"
    assert sorted(difference(sample, parse(documents))) == [
        "+ duty.2027-02-17: 09:00–18:00",
        "+ facts.sauna_hours: 18:00–23:00",
        "- facts.pet_hotel: 步行 8 分钟的“毛球之家”可以寄养",
        "~ duty.sun: 07:00–23:00 → ",
        "~ facts.breakfast_hours: 06:30–10:00 → 07:00–10:00",
        "~ knowledge.ask_pet.title: 宠物 → 带宠物",
    ]


def test_rooms_go_into_the_facts_as_they_were_written(sample: HotelFile) -> None:
    written = ["0201-0230", "0301", "8", "A12", "1201-1220"]
    assert list(room_ranges(parse_rooms(written))) == written
    assert len(room_ranges(sample.rooms)) < 10
