"""Draw the seconds that fits took: fastce and scikit-learn, as `fits.csv` has them."""

import csv
from pathlib import Path

import matplotlib.pyplot as plt

LIMIT = 12.0  # seconds, after which a solver was ended

# Sphinx runs this in the file's own folder.
with Path("fits.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
rows.reverse()  # the first one is drawn at the top

plt.rcParams.update({"font.size": 11})
figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
for height, row in enumerate(rows):
    fastce, best = float(row["fastce"]), float(row["scikit-learn's best solver"])
    ended = not row["lbfgs, its default"].startswith("over")
    lbfgs = float(row["lbfgs, its default"]) if ended else LIMIT
    ax.plot([fastce, lbfgs], [height, height], color="0.85", zorder=0)
    ax.plot(fastce, height, "o", color="C0", ms=9)
    ax.plot(lbfgs, height, "s" if ended else ">", color="0.6", ms=7)
    ax.plot(best, height, "o", color="C1", ms=7)
for label, marker, color, size in (
    ("fastce, no solver chosen", "o", "C0", 9),
    ("scikit-learn, its best solver there", "o", "C1", 7),
    ("scikit-learn, lbfgs (its default)", "s", "0.6", 7),
    ("the same, not there after 12 s", ">", "0.6", 7),
):
    ax.plot([], [], marker, color=color, ms=size, label=label)
ax.set_xscale("log")
ax.set_xticks([0.01, 0.1, 1, 10], ["10 ms", "0.1 s", "1 s", "10 s"])
ax.set_yticks(range(len(rows)), [row["data"].removesuffix(", sparse") for row in rows])
ax.spines[["top", "right", "left"]].set_visible(False)
ax.tick_params(axis="y", length=0)
figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9.5)
