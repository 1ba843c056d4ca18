"""Child processes that are kept running: started, probed, restarted with a growing pause, stopped as a group.

Knows nothing of what they do. Their output goes to a file each.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

Probe = Callable[[], Awaitable[bool]]

GRACE_SECONDS = 10.0
PROBE_SECONDS = 0.25
STEADY_SECONDS = 60.0  # up for so long, earlier crashes are forgotten
LONGEST_PAUSE = 30.0


class NotReady(Exception):
    """A program ended again and again, or didn't get ready in time. The message says what it said last."""


@dataclass(frozen=True)
class Program:
    """What to start and how to tell that it serves. `patience` is in seconds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready: Probe = field(repr=False)
    patience: float = 60.0


def pause_after(crashes: int) -> float:
    """Seconds to wait before the next start: 1, 2, 4 ... 30."""
    return min(2.0 ** max(crashes - 1, 0), LONGEST_PAUSE)


class Kept:
    """One program, kept running from start() to stop(). `crashes` counts since it was last steady."""

    def __init__(self, program: Program, log: Path, *, tell: Callable[[str], None] = print) -> None:
        self.program = program
        self.log = log
        self.crashes = 0
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        self._process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(self._process), name=f"keep {self.program.name}")

    async def wait_ready(self) -> None:
        """Returns when it serves; raises NotReady when it ended three times or its patience is over."""
        until = time.monotonic() + self.program.patience
        while not await self.program.ready():
            if self.crashes >= 3 or time.monotonic() > until:
                raise NotReady(f"{self.program.name} doesn't get ready.\n{self.last_words()}")
            await asyncio.sleep(PROBE_SECONDS)

    async def stop(self) -> None:
        """Ask its process group to end, and end it after GRACE_SECONDS."""
        self._stopping = True
        process = self._process
        if process and process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        if process:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def last_words(self, lines: int = 15) -> str:
        """The end of what it wrote, and where the rest is."""
        written = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join(["  | " + line for line in written[-lines:]] + [f"  All of it: {self.log}"])

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *self.program.command,
                env=dict(self.program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # its own group: a Ctrl-C reaches us alone, and we end the group
            )

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        while True:
            began = time.monotonic()
            code = await process.wait()
            if self._stopping:
                return
            _signal_group(process.pid, signal.SIGKILL)  # what it had started itself
            self.crashes = 1 if time.monotonic() - began > STEADY_SECONDS else self.crashes + 1
            pause = pause_after(self.crashes)
            self._tell(f"{self.program.name} ended with code {code}; it starts again in {pause:.0f} s")
            await asyncio.sleep(pause)
            self._process = process = await self._spawn()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone (macOS says the latter of zombies)
        os.killpg(pid, number)


async def stop_all(kept: list[Kept]) -> None:
    """Stop all of them at once."""
    await asyncio.gather(*(one.stop() for one in kept))


def python(*arguments: str) -> tuple[str, ...]:
    """A command of this environment's own interpreter."""
    return (sys.executable, *arguments)
