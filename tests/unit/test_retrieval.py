"""Finding points: by meaning, by wording, by both; vectors kept on disk; lists of points as files."""

import io
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook

from bot.commands import knowledge as command
from bot.knowledge import encoder, files
from bot.knowledge.index import COARSE, FEW, PICKED, Index, Row, units
from bot.knowledge.library import rows_of
from bot.knowledge.vectors import RECORD, Shelf
from bot.store.points import Entry, Point, PointId, Version

DATA = Path(__file__).parents[1] / "data/knowledge"
ENTRIES = {
    "breakfast": Entry("早餐几点", "七点", ("几点吃早饭", "早上什么时候开饭")),
    "gym": Entry("健身房在哪", "五楼", ("哪里可以锻炼",)),
    "pool": Entry("游泳池几点开", "六点"),
    "parking": Entry("停车要钱吗", "免费", ("停车费多少", "车停哪里")),
}


@pytest.fixture(scope="module")
def index() -> Index:
    rows = rows_of(ENTRIES)
    return Index(rows, encoder.encode([row.text for row in rows]))


def found(index: Index, text: str, k: int = 3) -> list[str]:
    return [hit.point for hit in index.search(text, encoder.encode([text])[0], k)]


# ---- the index


def test_a_question_finds_its_point_by_meaning(index: Index) -> None:
    assert found(index, "想运动一下，去哪儿")[0] == "gym"


def test_each_point_is_found_once_by_its_best_writing(index: Index) -> None:
    hits = index.search("几点吃早饭", encoder.encode(["几点吃早饭"])[0], 4)
    assert [hit.point for hit in hits].count("breakfast") == 1
    assert len(hits) == 4
    assert (hits[0].point, hits[0].row) == ("breakfast", "几点吃早饭")
    assert hits[0].score == pytest.approx(1, abs=0.01)


def test_the_best_come_first_and_no_more_than_are_asked_for(index: Index) -> None:
    hits = index.search("停车", encoder.encode(["停车"])[0], 2)
    assert len(hits) == 2
    assert hits[0].point == "parking"
    assert hits[0].score >= hits[1].score


def test_wording_counts_where_meaning_is_the_same() -> None:
    rows = [Row("a", "A座餐厅几点开门"), Row("b", "B座餐厅几点开门")]
    same = np.tile(encoder.encode(["餐厅几点开门"]), (2, 1))
    vector = encoder.encode(["B座的餐厅几点开"])[0]
    assert Index(rows, same).search("B座的餐厅几点开", vector, 1)[0].point == "b"


def test_wording_alone_needs_no_vector(index: Index) -> None:
    assert index.search_wording("停车费", 1)[0].point == "parking"


def test_an_empty_index_finds_nothing() -> None:
    assert Index([], encoder.encode([])).search("早餐", encoder.encode(["早餐"])[0], 3) == []


def test_a_text_without_a_known_word_is_no_error(index: Index) -> None:
    assert len(index.search("！？…", encoder.encode(["！？…"])[0], 2)) == 2


def test_width_case_and_punctuation_are_no_wording() -> None:
    assert units("ＷｉＦｉ 怎么连？") == units("wifi怎么连") == ["wifi", "怎", "么", "连"]


def test_traditional_questions_find_simplified_points_and_the_other_way_round() -> None:
    rows = [Row("new", "停车场怎么收费"), Row("old", "早餐幾點開始"), Row("no", "游泳池在哪里")]
    index = Index(rows, encoder.encode([row.text for row in rows]))
    assert index.search_wording("停車場怎麼收費", 1)[0].score == pytest.approx(1, abs=0.01)
    assert index.search_wording("早餐几点开始", 1)[0].point == "old"
    np.testing.assert_array_equal(encoder.encode(["停車場怎麼收費"]), encoder.encode(["停车场怎么收费"]))
    assert encoder.key_of("早餐幾點") == encoder.key_of("早餐几点")


@pytest.mark.parametrize("many", [2 * PICKED, FEW + 1])
def test_the_quick_look_loses_nothing_that_the_exact_one_wants(many: int) -> None:
    """With more rows than the quick look picks, the two looks agree with a plain search over everything."""
    source = np.random.default_rng(7)
    rows = [Row(str(n), f"第{n}问") for n in range(many)]
    vectors = source.normal(size=(many, encoder.DIMENSIONS)) * np.linspace(2, 0.05, encoder.DIMENSIONS)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = Index(rows, vectors, lexical=0)
    centred = vectors - vectors.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    for at in range(0, many, 100):
        question = vectors[at] + source.normal(scale=0.01, size=encoder.DIMENSIONS).astype(np.float32)
        turned = question - vectors.mean(axis=0)
        assert index.search("", question, 1)[0].point == str(int(np.argmax(centred @ turned)))
    seen = index._meaning._coarse.shape[1]
    assert seen == (COARSE if many > FEW else encoder.DIMENSIONS)


# ---- vectors on disk


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    real = encoder.encode

    def encode(texts: Any) -> Any:
        seen.extend(texts)
        return real(texts)

    monkeypatch.setattr(encoder, "encode", encode)
    return seen


def test_a_text_is_encoded_once_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    first = Shelf(tmp_path).take(["早餐", "停车", "早餐"], 1)
    again = Shelf(tmp_path).take(["停车", "早餐"], 1)
    assert sorted(seen) == ["停车", "早餐"]
    np.testing.assert_allclose(first[[1, 0]], again, atol=1e-3)
    np.testing.assert_array_equal(first[0], first[2])


def test_two_shelves_share_what_either_has_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Shelf(tmp_path), Shelf(tmp_path)
    one.take(["早餐"], 1)
    other.take(["停车"], 1)
    seen = counted(monkeypatch)
    one.take(["停车", "早餐"], 1)
    assert seen == []


def test_a_record_cut_off_by_a_crash_is_dropped(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.take(["早餐", "停车"], 1)
    with shelf.path.open("r+b") as file:
        file.truncate(RECORD.itemsize + 5)
    mended = Shelf(tmp_path)
    assert mended.missing(["早餐", "停车"]) == 1
    mended.take(["早餐", "停车"], 1)
    assert shelf.path.stat().st_size == 2 * RECORD.itemsize


def test_the_shelf_holds_no_words(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.take(["早餐几点"], 1)
    assert "早餐".encode() not in shelf.path.read_bytes()


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    Shelf(tmp_path).take([f"问题{n}" for n in range(20)], 2, lambda done, of: told.append((done, of)))
    assert told[-1] == (20, 20)
    assert told == sorted(told)


# ---- files


def lines(name: str, content: bytes) -> list[files.Line]:
    read, wrong = files.read(name, content)
    assert wrong == []
    return read


CSV = "id,title,variants,answer,topic\nb1,早餐几点,几点吃饭|早饭时间,{breakfast_hours},ask_breakfast\n"


def test_csv_excel_and_yaml_say_the_same() -> None:
    book = Workbook()
    for row in CSV.splitlines():
        book.active.append(row.split(","))
    out = io.BytesIO()
    book.save(out)
    document = [
        {
            "id": "b1",
            "title": "早餐几点",
            "variants": ["几点吃饭", "早饭时间"],
            "answer": "{breakfast_hours}",
            "topic": "ask_breakfast",
        }
    ]
    entries = [
        [line.entry for line in lines(name, content)]
        for name, content in {
            "a.csv": CSV.encode(),
            "a.xlsx": out.getvalue(),
            "a.yml": json.dumps(document, ensure_ascii=False).encode(),
        }.items()
    ]
    assert entries[0] == entries[1] == entries[2]
    assert entries[0][0].variants == ("几点吃饭", "早饭时间")


def test_a_hotels_own_knowledge_file_is_a_list_of_points_too() -> None:
    (line,) = lines("knowledge.yml", "ask_pet:\n  title: 宠物\n  answer: 不接待\n".encode())
    assert (line.id, line.entry.title) == ("ask_pet", "宠物")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_what_excel_saves_on_a_chinese_machine_is_read(encoding: str) -> None:
    content = "编号,标题,相似问法,答案,结束日期\n1,早餐几点,几点吃饭,七点,2026/12/1\n".encode(encoding)
    (line,) = lines("早餐.CSV", content)
    assert (line.id, line.entry.title, line.entry.valid_to) == ("1", "早餐几点", date(2026, 12, 1))


def test_excel_gives_numbers_and_dates_of_its_own() -> None:
    book = Workbook()
    book.active.append(["id", "title", "answer", "valid_from"])
    book.active.append([12.0, "押金", 300, datetime(2026, 12, 1)])
    out = io.BytesIO()
    book.save(out)
    (line,) = lines("a.xlsx", out.getvalue())
    assert (line.id, line.entry.answer, line.entry.valid_from) == ("12", "300", date(2026, 12, 1))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"x", "file_kind"),
        ("a.csv", "问,答\n早餐,七点\n".encode(), "file_columns"),
        ("a.csv", b"", "file_columns"),
        ("a.xlsx", b"no zip", "file_unreadable"),
        ("a.yml", b"{", "file_unreadable"),
        ("a.yml", b"3", "file_columns"),
        ("a.csv", b"title,answer\xff\xff\x00", "file_unreadable"),
    ],
)
def test_what_is_no_list_of_points_is_said_so(name: str, content: bytes, code: str) -> None:
    with pytest.raises(files.BadFile) as refused:
        files.read(name, content)
    assert refused.value.code == code


def point(id_: str, title: str, answer: str) -> Point:
    at = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    version = Version(PointId(id_), 1, Entry(title, answer), "file", at)
    return Point(PointId(id_), version, None, at)


def test_the_difference_is_known_before_anything_is_written() -> None:
    content = "id,title,answer\na,甲,1\nb,乙,新\n,丙,3\n,丁,4\nb,乙,又\nx,,5\ny,戊,{坏!}\n"
    read, wrong = files.read("a.csv", content.encode())
    plan = files.plan(read, wrong, [point("a", "甲", "1"), point("b", "乙", "2"), point("c", "丙", "旧")])
    assert [(c.point, c.fields) for c in plan.changes[:2]] == [("b", ("answer",)), ("c", ("answer",))]
    assert (plan.new, plan.unchanged, len(plan.changes)) == (1, 1, 3)
    assert [(w.number, w.code) for w in plan.wrong] == [
        (6, "point_twice"),
        (7, "point_title_empty"),
        (8, "point_answer_placeholder"),
    ]


def test_columns_that_a_file_does_not_have_stay_as_they_are() -> None:
    known = point("a", "甲", "1")
    entry = Entry("甲", "1", ("问法",), "ask_pet", None, date(2026, 12, 1))
    known = replace(known, latest=replace(known.latest, entry=entry))
    (change,) = files.plan(*files.read("a.csv", "id,title,answer\na,甲,2\n".encode()), [known]).changes
    assert change.line.entry == replace(entry, answer="2")
    (change,) = files.plan(*files.read("a.csv", "id,title,answer,topic\na,甲,1,\n".encode()), [known]).changes
    assert change.line.entry == replace(entry, topic=None)


def test_a_date_that_is_none_is_a_mistake_of_its_row_alone() -> None:
    read, wrong = files.read("a.csv", "title,answer,valid_to\n甲,1,明天\n乙,2,2026-12-01\n".encode())
    assert [line.entry.title for line in read] == ["乙"]
    assert [(w.number, w.code) for w in wrong] == [(2, "point_date")]


def test_numbers_that_identify_are_masked_before_they_are_kept() -> None:
    number = "11010519491231002X"
    read, wrong = files.read("a.csv", f"title,answer\n证件 {number},是 {number}\n".encode())
    plan = files.plan(read, wrong, [])
    assert number not in repr(plan)
    assert "11**************2X" in plan.changes[0].line.entry.answer


def test_what_is_written_out_is_read_again() -> None:
    known = [point("a", "甲", "一\n二, “三”"), point("b", "乙", "2")]
    plan = files.plan(*files.read("a.csv", files.as_csv(known).encode()), known)
    assert (plan.changes, plan.unchanged, plan.wrong) == ((), 2, ())


# ---- python -m bot knowledge search


def searched(tmp_path: Path, *asked: object, points: str = CSV) -> list[dict[str, Any]]:
    file, told = tmp_path / "points.csv", io.StringIO()
    file.write_text(points, "utf-8")
    given = io.StringIO("".join(json.dumps(one) + "\n" for one in asked))
    command.search(file, {"BLOB_URL": f"file:{tmp_path}/blobs"}, given, told)
    return [json.loads(line) for line in told.getvalue().splitlines()]


def test_questions_are_answered_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = "id,title,variants,answer\n" + "".join(
        f"{id_},{e.title},{'|'.join(e.variants)},{e.answer}\n" for id_, e in ENTRIES.items()
    )
    asked = [{"text": e.title, "k": 2} for e in ENTRIES.values()] * 5
    answers = searched(tmp_path, *asked, points=points)
    assert [a["text"] for a in answers] == [q["text"] for q in asked]
    assert [a["points"][0]["id"] for a in answers] == list(ENTRIES) * 5
    assert all(len(a["points"]) == 2 for a in answers)
    assert set(answers[0]["points"][0]) == {"id", "title", "score"}
    told = capsys.readouterr()
    assert told.out == ""
    assert "4 points" in told.err


def test_a_long_work_says_seldom_how_far_it_is_and_that_it_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = command._Progress("encoding", iter([100.0, 101.0, 103.0, 112.0, 120.0]).__next__)
    for done in (10, 30, 120, 200):
        told(done, 200)
    assert capsys.readouterr().err.splitlines() == [
        "encoding 10/200 (5 %), 19 s left",
        "encoding 120/200 (60 %), 8 s left",
        "encoding 200/200 (100 %), 0 s left",
    ]


def test_rows_that_are_odd_are_counted_and_take_no_other_ones_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = "\ufeffid,title,variants,answer\n,泳池几点开,,\n2,早餐几点,,\nx,停车收费吗,|,\n"
    points += "x,有洗衣房吗,,\n,,健身房,好\n"
    asked = [{"text": text, "k": 1} for text in ("泳池几点开", "早餐几点", "停车收费吗", "\ud83d")]
    answers = searched(tmp_path, *asked, points=points)
    assert [a["points"][0]["id"] for a in answers[:3]] == ["row 2", "2", "x"]
    assert answers[3]["text"] == "\ud83d"  # half an emoji
    told = capsys.readouterr().err
    assert "3 points, 3 writings" in told
    assert "2 rows" in told
    assert "row 5 (point_twice)" in told


def test_an_empty_question_finds_nothing(tmp_path: Path) -> None:
    assert searched(tmp_path, {"text": " "}) == [{"text": " ", "points": []}]


@pytest.mark.parametrize("line", ["x", '{"k": 1}', '{"text": 3}', '{"text": "a", "k": -1}', "[]"])
def test_what_is_no_question_is_told_in_its_place(tmp_path: Path, line: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(CSV, "utf-8")
    asked, told = io.StringIO(f'{line}\n{{"text": "早餐"}}\n'), io.StringIO()
    assert command.search(file, {"BLOB_URL": f"file:{tmp_path}"}, asked, told) == 1
    first, second = map(json.loads, told.getvalue().splitlines())
    assert first["error"].startswith("Not a question")
    assert second["text"] == "早餐"


# ---- the question set


def test_the_question_set_is_whole() -> None:
    read, wrong = files.read("points.csv", (DATA / "points.csv").read_bytes())
    plan = files.plan(read, wrong, [])
    questions = [json.loads(line) for line in (DATA / "questions.jsonl").read_text("utf-8").splitlines()]
    ids = {line.id for line in read}
    assert plan.wrong == ()
    assert len(ids) >= 150
    assert len({q["text"] for q in questions}) == len(questions) >= 300
    assert {q["point"] for q in questions} - {None} == ids
    writings = {text for line in read for text in (line.entry.title, *line.entry.variants)}
    assert not writings & {q["text"] for q in questions}, "a question that is a writing measures nothing"
