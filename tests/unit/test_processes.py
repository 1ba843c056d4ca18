"""Kept processes: ready when probed so, restarted after a crash, stopped with all they had started."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import processes
from bot.processes import Kept, NotReady, Program, pause_after

CRASHING = "import sys; print('the disk is full', flush=True); sys.exit(3)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w'); time.sleep(600)"
)
# A parent with a child; both write their pids, then sleep.
FAMILY = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "open('pids', 'w').write(f'{os.getpid()} {child.pid}\\n')\n"
    "time.sleep(600)\n"
)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def keeping(code: str, marker: str, patience: float = 30) -> AsyncIterator[tuple[Kept, list[str]]]:
    async def ready() -> bool:
        return Path(marker).exists()

    told: list[str] = []
    program = Program("thing", (sys.executable, "-c", code), dict(os.environ), ready, patience)
    kept = Kept(program, Path("log/thing.log"), tell=told.append)
    await kept.start()
    try:
        yield kept, told
    finally:
        await kept.stop()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while alive(pid):
            await asyncio.sleep(0.05)


async def test_stopping_ends_the_whole_family() -> None:
    async with keeping(FAMILY, "pids") as (kept, _):
        await kept.wait_ready()
        parent, child = map(int, Path("pids").read_text().split())
        assert alive(parent)
        assert alive(child)
        await kept.stop()
        await gone(parent)
        await gone(child)


async def test_what_ignores_the_polite_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    async with keeping(STUBBORN, "up") as (kept, _):
        await kept.wait_ready()
        pid = kept.pid
        assert pid
        await kept.stop()
        await gone(pid)


async def test_a_crashed_one_is_started_again_and_its_children_are_gone() -> None:
    async with keeping(FAMILY, "pids") as (kept, told):
        await kept.wait_ready()
        first, child = map(int, Path("pids").read_text().split())
        Path("pids").unlink()
        os.kill(first, 9)
        await kept.wait_ready()
        second = int(Path("pids").read_text().split()[0])
        assert second != first
        assert alive(second)
        await gone(child)
        assert "ended with code -9" in told[0]


async def test_one_that_cannot_start_says_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LONGEST_PAUSE", 0.05)
    async with keeping(CRASHING, "never") as (kept, _):
        with pytest.raises(NotReady, match="the disk is full"):
            await kept.wait_ready()


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with keeping("import time; time.sleep(600)", "never", patience=0.1) as (kept, _):
        with pytest.raises(NotReady, match="thing doesn't get ready"):
            await kept.wait_ready()


def test_pauses_grow_and_stay_bearable() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 4, 5, 6, 50)] == [1, 2, 4, 8, 16, 30, 30]
