"""python -m bot corrections export: what staff have corrected and reviewed, as a file to train on."""

import argparse
import asyncio
import os
from pathlib import Path

from bot import corrections
from bot.commands import CommandFailed, opening
from bot.corrections import Export
from bot.plain_yaml import read_yaml
from bot.settings import Settings
from bot.store import desk
from bot.texts import load_texts

OUT = Path("data/nlu/corrections.yml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    exporting = actions.add_parser("export", help="write those that were accepted, for `make train`")
    exporting.add_argument("--out", type=Path, default=OUT, help=f"default: {OUT}")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    done = asyncio.run(_read(settings, arguments.out))
    if done.unknown:
        names = ", ".join(sorted(done.unknown))
        raise CommandFailed(f"Nothing was written: there is no intent {names}. Review those marks again.")
    _write(arguments.out, done)
    print(_said(done, arguments.out))
    return 0


async def _read(settings: Settings, out: Path) -> Export:
    known = corrections.intents(load_texts(settings.texts_dir)["zh"])
    async with opening.database(settings) as opened, opened.read() as tx:
        hotels = await desk.list_hotels(tx)
        found = [example for hotel in hotels for example in await corrections.accepted(tx, hotel.id)]
    return corrections.export(found, known, _trained(out))


def _trained(out: Path) -> dict[str, str]:
    """What the files beside it teach already."""
    files = sorted(file for file in out.parent.glob("*.yml") if file.name != out.name)
    documents = []
    for file in files:
        document, mistakes = read_yaml(file)
        if mistakes:
            raise CommandFailed(f"Nothing was written. {mistakes[0]}")
        documents.append(document)
    return corrections.trained_in(documents)


def _write(out: Path, done: Export) -> None:
    """All or nothing; a file without an example would be none, and the old one may hold erased words."""
    if not done.examples:
        out.unlink(missing_ok=True)
        return
    fresh = out.with_suffix(".new")
    try:
        fresh.write_text(corrections.page(done), encoding="utf-8")
        os.replace(fresh, out)
    except OSError as error:
        raise CommandFailed(f"{out} can't be written: {error.strerror}.") from None


def _said(done: Export, out: Path) -> str:
    left_out = {
        "known already": done.known,
        "read differently by two reviews or by data/nlu": done.contradicted,
        "without a word": done.wordless,
    }
    lines = [f"{out}: {_count(len(done.examples), 'example')} of {_count(done.intents, 'intent')}"]
    lines[0] += f" from {_count(done.hotels, 'hotel')}."
    if not done.examples:
        lines = [f"Nothing to learn: no correction is accepted, so there is no {out}."]
    if any(left_out.values()):
        lines.append("Left out: " + "; ".join(f"{n} {why}" for why, n in left_out.items() if n) + ".")
    if done.examples:
        lines.append("`make train` takes them in.")
    return "\n".join(lines)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
