"""The clock: aware, shifted from outside, following the file while the process runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import Clock


def ahead(clock: Clock) -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_without_a_file_it_is_the_real_time() -> None:
    assert Clock().offset() == 0
    assert Clock().now().tzinfo is UTC


def test_it_follows_the_file_while_running(tmp_path: Path) -> None:
    file = tmp_path / "shift"
    clock = Clock(file)
    assert clock.offset() == 0
    before = clock.monotonic()
    file.write_text("3600\n")
    assert timedelta(minutes=59) < ahead(clock) < timedelta(minutes=61)
    assert clock.monotonic() >= before + 3600
    file.write_text("172800.5")
    assert clock.offset() == 172800.5


def test_a_half_written_or_vanished_file_keeps_the_last_shift(tmp_path: Path) -> None:
    file = tmp_path / "shift"
    file.write_text("60")
    clock = Clock(file)
    assert clock.offset() == 60
    file.write_text("")
    assert clock.offset() == 60
    file.unlink()
    assert clock.offset() == 60


def test_nonsense_in_the_file_is_loud(tmp_path: Path) -> None:
    (tmp_path / "shift").write_text("tomorrow")
    with pytest.raises(ValueError, match="tomorrow"):
        Clock(tmp_path / "shift").now()
