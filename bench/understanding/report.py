"""The report of `make eval`: pictures and a page, from what bench.understanding.evaluate has written.

    .venv-rasa/bin/python -m bench.understanding.report [--folder var/eval]

Draws the held-out figures as they are, and trains the intent models itself for what takes many trainings:
the confusions of a cross-validation over data/nlu, the calibration, and the learning curve.
"""

import argparse
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from bench.understanding.intents import ROOT, Bench, accuracy, cascade, held_out

import matplotlib as mpl  # isort: skip
import numpy as np  # isort: skip

mpl.use("Agg")

from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

Json = dict[str, Any]
Array: TypeAlias = np.ndarray
FOLDS = 3
PARTS = (0.1, 0.25, 0.5, 0.75, 1.0)  # of data/nlu, for the learning curve
BAR, WARN, REST = "#0b5f8a", "#c2410c", "#d5dde3"
BARS = {  # what must hold: the share that each figure has to reach
    "intents": 0.93,
    "served: answer": 0.85,
    "business: not turned away": 0.96,
    "none of our business: no hotel answer": 0.92,
    "none of our business: no person's time": 0.70,
    "emergencies: a person": 1.0,
    "others: no alarm": 0.99,
    "complaints: kind": 0.88,
    "dates and times: exact": 0.93,
    "numbers and rooms: exact": 0.95,
}


def goals(figures: Json) -> tuple[Figure, str]:
    names = [name for name in BARS if figures[name]["share"] is not None]
    shares = [figures[name]["share"] for name in names]
    picture, axes = plt.subplots(figsize=(9, 4.2))
    colours = [BAR if share >= BARS[name] else WARN for name, share in zip(names, shares, strict=True)]
    axes.barh(names, shares, color=colours)
    for at, name in enumerate(names):
        axes.plot([BARS[name]] * 2, [at - 0.4, at + 0.4], color="black", linewidth=1.5)
        axes.text(1.01, at, f"{shares[at]:.1%} of {figures[name]['of']}", va="center", fontsize=8)
    axes.set(xlim=(0.5, 1), xlabel="share right (the stroke is the goal)")
    axes.invert_yaxis()
    missed = [name for name, share in zip(names, shares, strict=True) if share < BARS[name]]
    return picture, "All goals are reached" if not missed else f"Below the goal: {', '.join(missed)}"


def bars(figures: Json, name: str, height: float) -> tuple[Figure, str]:
    """A bar for each part, weakest first; the title names the weakest."""
    parts = sorted(figures[name].items(), key=lambda one: (one[1]["share"], one[0]))
    picture, axes = plt.subplots(figsize=(9, max(2.5, height * len(parts))))
    axes.barh([key for key, _ in parts], [one["share"] for _, one in parts], color=BAR)
    for at, (_, one) in enumerate(parts):
        axes.text(1.005, at, f"{one['right']}/{one['of']}", va="center", fontsize=8)
    axes.set(xlim=(0, 1), xlabel="share right")
    axes.invert_yaxis()
    key, weakest = parts[0]
    return picture, f"{name}: weakest is {key}, {weakest['share']:.0%}"


def entities(figures: Json) -> tuple[Figure, str]:
    """Two bars for each kind, worst first: how much was found, and how much of what was found is right."""
    kinds = [(kind, one) for kind, one in figures["entities"].items() if one["wanted"]]
    kinds.sort(key=lambda pair: pair[1]["recall"])
    names = [f"{kind} ({one['wanted']})" for kind, one in kinds]
    picture, axes = plt.subplots(figsize=(9, 0.45 * len(kinds) + 1.2))
    rows = np.arange(len(kinds))
    axes.barh(rows - 0.2, [one["recall"] for _, one in kinds], 0.38, color=BAR, label="found")
    precise = [one["precision"] or 0 for _, one in kinds]
    axes.barh(rows + 0.2, precise, 0.38, color=REST, label="right of those found")
    axes.set_yticks(rows, names)
    axes.set(xlim=(0, 1), xlabel="share, value and all")
    axes.invert_yaxis()
    axes.legend(loc="lower left")
    kind, worst = kinds[0]
    return picture, f"entities: {worst['recall']:.0%} of {kind} are found, of the others more"


def confusion(bench: Bench, chances: Array) -> tuple[Figure, str]:
    size = len(bench.names)
    counts = np.zeros((size, size))
    np.add.at(counts, (bench.right, chances.argmax(axis=1)), 1)
    rates = counts / counts.sum(axis=1, keepdims=True)
    picture, axes = plt.subplots(figsize=(13, 12))
    axes.imshow(np.sqrt(rates), cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(size), bench.names, rotation=90, fontsize=6)
    axes.set_yticks(range(size), bench.names, fontsize=6)
    axes.set(xlabel="read as", ylabel="is")
    off = rates * (1 - np.eye(size))
    wrong, read = np.unravel_index(off.argmax(), off.shape)
    share = off[wrong, read]
    return (
        picture,
        f"Most often mistaken: {bench.names[wrong]} for {bench.names[read]}, {share:.0%} of the time",
    )


def calibration(sure: Array, right: Array, error: float) -> tuple[Figure, str]:
    edges = np.linspace(0, 1, 11)
    where = np.clip(np.digitize(sure, edges) - 1, 0, 9)
    bins = [at for at in range(10) if (where == at).sum() >= 5]
    picture, (axes, below) = plt.subplots(
        2, 1, figsize=(6, 7), gridspec_kw={"height_ratios": (3, 1)}, sharex=True
    )
    axes.plot([0, 1], [0, 1], color=REST)
    axes.plot(
        [sure[where == at].mean() for at in bins],
        [right[where == at].mean() for at in bins],
        color=BAR,
        marker="o",
    )
    axes.set(ylabel="share right", ylim=(0, 1))
    below.hist(sure, bins=edges, color=BAR)
    below.set(xlabel="confidence", ylabel="messages")
    return picture, f"Confidence and truth lie {error:.1%} apart on average (held-out messages)"


def learning(bench: Bench) -> tuple[Figure, str]:
    """Accuracy on the held-out messages when a part of data/nlu is left out, each intent alike."""
    wanted = held_out("intents")
    texts = [one["text"] for one in wanted]
    right = np.array([bench.names.index(one["intent"]) for one in wanted])
    labels = np.unique(bench.labels, return_inverse=True)[1]
    order = np.random.default_rng(1).permutation(len(labels))
    whole = bench.texts, bench.dense, bench.labels
    found = []
    for part in PARTS:
        kept = np.sort(_stratified(labels, order, part))
        bench.texts = [whole[0][at] for at in kept]
        bench.dense, bench.labels = whole[1][kept], [whole[2][at] for at in kept]
        bench.train()
        found.append(accuracy(cascade(*bench.ask(texts), bench.config["sure"]), right))
    bench.texts, bench.dense, bench.labels = whole
    picture, axes = plt.subplots(figsize=(6, 4))
    axes.plot([part * len(whole[0]) for part in PARTS], found, color=BAR, marker="o")
    axes.set(xlabel="training examples", ylabel="right on held-out messages", ylim=(min(found) - 0.05, 1))
    gained = found[-1] - found[-2]
    return picture, f"The last quarter of the examples is worth {gained * 100:+.1f} points"


def _stratified(labels: Array, order: Array, part: float) -> Array:
    kept = []
    for label in np.unique(labels):
        ours = order[labels[order] == label]
        kept.append(ours[: max(2, round(part * len(ours)))])
    return np.concatenate(kept)


def of_held_out(readings: list[Json]) -> tuple[Array, Array]:
    """Confidence, and whether the intent was right, of every held-out message with an intent."""
    cases = [one for one in readings if one["wanted"]["set"] == "intents"]
    sure = np.array([one["read"]["confidence"] for one in cases])
    right = np.array([one["read"]["intent"] == one["wanted"]["intent"] for one in cases])
    return sure, right


def page(sections: list[tuple[str, str]], figures: Json, misses: list[Json], retrieval: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{value['share']:.1%}</td>"
        f"<td>{value['right']} / {value['of']}</td></tr>"
        for name, value in figures.items()
        if isinstance(value, dict) and value.get("share") is not None
    )
    pictures = "".join(
        f"<section><h2>{html.escape(title)}</h2><img src='{file}' alt='{html.escape(title)}'></section>"
        for file, title in sections
    )
    missed = "".join(
        f"<tr><td>{html.escape(one['wanted']['text'])}</td><td>{one['wanted']['intent']}</td>"
        f"<td>{one['read']['intent']}</td><td>{one['read']['confidence']:.2f}</td></tr>"
        for one in misses
    )
    told = html.escape(retrieval)
    return _PAGE.format(rows=rows, pictures=pictures, missed=missed, count=len(misses), retrieval=told)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>How well guests are understood</title>
<style>body{{font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1b2a33}}
h1{{font-size:1.6rem}}h2{{font-size:1.1rem;margin-top:2rem}}
img{{max-width:100%;border:1px solid #e3e8ec;border-radius:8px}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}
td,th{{padding:.25rem .8rem;border-bottom:1px solid #e3e8ec;text-align:left}}</style>
<h1>How well guests are understood</h1>
<p>Messages nobody trained on, read by the very command, model and rules that guests get. Whoever improves the
model by looking at its mistakes here makes these figures flatter: write new messages from time to time.</p>
<table><tr><th>figure</th><th>share</th><th>right / all</th></tr>{rows}</table>
{pictures}
<section><h2>Knowledge points: how well and how fast they are found</h2><pre>{retrieval}</pre></section>
<section><h2>Misread: {count} messages</h2>
<table><tr><th>message</th><th>is</th><th>read as</th><th>confidence</th></tr>{missed}</table>
</section></html>
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--folder", type=Path, default=ROOT / "var" / "eval")
    folder: Path = options.parse_args().folder
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    lines = (folder / "readings.jsonl").read_text(encoding="utf-8").splitlines()
    readings = [json.loads(line) for line in lines]
    _use_a_chinese_font()
    bench = Bench(FOLDS)
    chances = cascade(*bench.cross_validate(), bench.config["sure"])
    sure, right = of_held_out(readings)
    drawn: dict[str, Callable[[], tuple[Figure, str]]] = {
        "goals.png": lambda: goals(figures),
        "styles.png": lambda: bars(figures, "intents by style", 0.3),
        "intents.png": lambda: bars(figures, "intents by intent", 0.19),
        "confusion.png": lambda: confusion(bench, chances),
        "calibration.png": lambda: calibration(sure, right, _error(sure, right)),
        "learning.png": lambda: learning(bench),
        "entities.png": lambda: entities(figures),
        "dates.png": lambda: bars(figures, "dates and times by category", 0.25),
        "numbers.png": lambda: bars(figures, "numbers and rooms by category", 0.25),
    }
    sections = []
    for file, draw in drawn.items():
        picture, title = draw()
        picture.savefig(folder / file, dpi=110, bbox_inches="tight")
        plt.close(picture)
        sections.append((file, title))
        print(f"{file}: {title}", flush=True)
    misses = [
        one
        for one in readings
        if one["wanted"]["set"] == "intents" and one["wanted"]["intent"] != one["read"]["intent"]
    ]
    found = folder / "retrieval.txt"
    retrieval = (
        found.read_text(encoding="utf-8") if found.exists() else "python -m bench.retrieval was not run"
    )
    (folder / "index.html").write_text(page(sections, figures, misses, retrieval), encoding="utf-8")
    print(f"{folder / 'index.html'} shows it all")


def _error(sure: Array, right: Array) -> float:
    """Expected calibration error over ten bins of confidence."""
    where = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(sure[where == at].mean() - right[where == at].mean()) * (where == at).mean() for at in set(where)
    ]
    return float(sum(gaps))


def _use_a_chinese_font() -> None:
    known = {font.name for font in font_manager.fontManager.ttflist}
    for name in ("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei"):
        if name in known:
            plt.rcParams["font.family"] = [name, "DejaVu Sans"]
            return


if __name__ == "__main__":
    main()
