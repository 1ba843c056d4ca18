"""How fast a guest is answered on WeChat: python -m bench.answer_time [turns]

Runs the real processes (bot, Rasa, actions) and the simulated platform, and times each push from leaving the
platform to its HTTP answer. The baseline, in the same run, is a push that is only acknowledged (an event we
merely log): what is above 1.0 is the price of an answer. Also prints the memory of each process.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.simulator import Follower
from tests.rasa_servers import Assistant
from tests.scenario.world import World, running

QUESTIONS = ("早餐几点到几点", "停车收费吗", "无线密码是多少", "有健身房吗", "几点退房", "能带狗吗")


async def timed(world: World, follower: Follower, what: dict[str, str]) -> float:
    """Seconds from the push to the end of its delivery."""
    begun = time.perf_counter()
    push = world.simulator.act(follower, what)
    await push.done
    return time.perf_counter() - begun


def row(name: str, seconds: list[float], baseline: float) -> str:
    ordered = sorted(seconds)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    median = statistics.median(ordered)
    return f"{name:<24}{median * 1000:9.0f}{p95 * 1000:9.0f}{ordered[-1] * 1000:9.0f}{median / baseline:9.1f}"


def memory(pid: int) -> float:
    """Resident megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def measure(turns: int) -> None:
    assistant = Assistant()
    assistant.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with running(Path(folder), assistant) as world:
                await _measure(world, assistant, turns)
    finally:
        assistant.remove()


async def _measure(world: World, assistant: Assistant, turns: int) -> None:
    follower = world.simulator.follower("小张")
    for question in QUESTIONS[:2]:  # warm up
        await timed(world, follower, {"do": "say", "text": question})
    ack = [await timed(world, follower, {"do": "view", "url": "https://a.example"}) for _ in range(turns)]
    answers = [
        await timed(world, follower, {"do": "say", "text": QUESTIONS[n % len(QUESTIONS)]})
        for n in range(turns)
    ]
    print(f"{'':<24}{'median':>9}{'p95':>9}{'max':>9}{'ratio':>9}   (milliseconds, {turns} pushes each)")
    baseline = statistics.median(ack)
    print(row("acknowledged (baseline)", ack, baseline))
    print(row("answered", answers, baseline))
    bot, rasa, actions = world.bot.process, assistant.rasa.process, assistant.actions.process
    for name, process in (("bot", bot), ("rasa", rasa), ("actions", actions)):
        assert process
        print(f"{name:<24}{memory(process.pid):9.0f} MB resident")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
