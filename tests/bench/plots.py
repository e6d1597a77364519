"""The benchmark's picture: how the answer times are distributed."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def draw(seconds: dict[str, list[float]], file: Path) -> None:
    """Draw for each mode which share of the answers was there after how many milliseconds."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for mode, values in seconds.items():
        shares = [(place + 1) / len(values) * 100 for place in range(len(values))]
        axes.plot([value * 1000 for value in values], shares, label=f"{mode} ({len(values)} questions)")
    for limit, share, text in ((30, 50, "median at most 30 ms"), (60, 95, "p95 at most 60 ms")):
        axes.plot(limit, share, marker="x", color="black")
        axes.annotate(text, (limit, share), xytext=(6, -4), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds from a student's message to Juno's answer in another client")
    axes.set_ylabel("answers there, %")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=120)
    plt.close(figure)
