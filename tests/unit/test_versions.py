"""Models one after another: measured, compared, put to use, taken back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nlu import versions
from nlu.versions import ACTIVE, KEPT, Readings, Refused, Shelf, activate, comparison, newest, rollback

START = datetime(2026, 11, 22, tzinfo=UTC)


def readings(right: int, of: int = 200) -> Readings:
    """`of` messages, of which the first `right` are read as they should be."""
    return [
        {"text": f"t{n}", "wanted": "ask_wifi", "read": "ask_wifi" if n < right else "report_repair"}
        for n in range(of)
    ]


class Trainer:
    """Trains models that read as many messages right as the test says."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.shelf, self._patch, self._made = Shelf(folder), patch, 0

    def train(self, right: int | None, *, even_if_worse: bool = False) -> None:
        self._made += 1
        now = START + timedelta(minutes=self._made)
        model = self.shelf.folder / "candidate.tar.gz"
        model.parent.mkdir(exist_ok=True)
        model.write_text(f"model {self._made}")
        self._patch.setattr(versions, "measure", lambda _: None if right is None else readings(right))
        self._patch.setattr(versions, "datetime", type("Now", (), {"now": lambda _: now}))
        activate(self.shelf, model, f"{self._made:064x}", even_if_worse=even_if_worse)

    @property
    def used(self) -> str:
        return (self.shelf.folder / ACTIVE).read_text()


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    return Trainer(tmp_path / "models", monkeypatch)


def test_the_first_model_and_a_better_one_are_put_to_use(trainer: Trainer) -> None:
    trainer.train(180)
    assert trainer.used == "model 1"
    trainer.train(190)
    assert trainer.used == "model 2"


def test_a_worse_model_is_kept_and_not_used_unless_told_to(trainer: Trainer) -> None:
    trainer.train(180)
    with pytest.raises(Refused, match="WORSE=1"):
        trainer.train(170)
    assert trainer.used == "model 1"
    assert len(trainer.shelf.all()) == 2
    newest(trainer.shelf)
    assert trainer.used == "model 2"
    trainer.train(100, even_if_worse=True)
    assert trainer.used == "model 3"


def test_one_message_in_two_hundred_is_chance(trainer: Trainer) -> None:
    trainer.train(180)
    trainer.train(179)
    assert trainer.used == "model 2"


def test_without_messages_to_measure_on_a_model_is_used_unmeasured(trainer: Trainer) -> None:
    trainer.train(None)
    trainer.train(None)
    assert trainer.used == "model 2"


def test_going_back_is_one_step_at_a_time(trainer: Trainer) -> None:
    for right in (180, 185, 190):
        trainer.train(right)
    rollback(trainer.shelf)
    assert trainer.used == "model 2"
    rollback(trainer.shelf)
    assert trainer.used == "model 1"
    with pytest.raises(Refused, match="no older model"):
        rollback(trainer.shelf)


def test_what_is_old_is_forgotten_but_never_the_one_in_use(trainer: Trainer) -> None:
    trainer.train(200)
    for _ in range(KEPT + 2):
        with pytest.raises(Refused):
            trainer.train(100)
    trainer.train(200)
    assert len(trainer.shelf.all()) == KEPT
    rollback(trainer.shelf)
    active = trainer.shelf.active()
    assert active
    assert active.accuracy == 0.5  # the one before, refused in its time: going back is told to
    assert {path.suffix for path in trainer.shelf.versions.iterdir()} == {".gz", ".json"}


def test_the_comparison_names_what_was_won_and_lost() -> None:
    before, after = readings(2, 4), readings(4, 4)
    after[0]["read"] = "greet"
    told = comparison(before, after)
    assert "right before 50.0%, after 75.0% (4 messages)" in told
    assert "ask_wifi: +1" in told
    assert "won: 2 ask_wifi read as report_repair" in told
    assert "lost: 1 ask_wifi read as greet" in told
