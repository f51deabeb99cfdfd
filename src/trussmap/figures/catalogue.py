"""SI 4: how close the designs come to crystal-network cells, overall, by crystal system and by connectivity."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from trussmap.crystal.space_groups import SYSTEMS
from trussmap.figures import style
from trussmap.generalize import CONNECTIVITY

_LOOK = {
    "lookup_nmse_frobenius": ("closest training design (lookup)", style.TRAIN),
    "nmse_frobenius": ("inverse model, best proposal", "#c2912e"),
    "nmse_frobenius_refined": ("refined design A", style.DESIGN_A),
}
_SYSTEM_NAMES = dict(
    zip(
        SYSTEMS,
        ["triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"],
        strict=True,
    )
)
#: Errors below this are drawn at it: the design is the target up to rounding in print.
_FLOOR = 1e-6
#: A distribution of fewer cells is drawn as the cells themselves.
_FEWEST = 8


def plot(cells, path):
    """Draw the errors of cells (DataFrame as in the study's ``cells.csv``) to ``path`` (PNG).

    The distributions are those of the source with the most cells; cells of the other one are drawn as diamonds.
    """
    keys = [key for key in _LOOK if key in cells]
    source = cells["source"].value_counts().index[0]
    main, others = cells[cells["source"] == source], cells[cells["source"] != source]
    count = {name: len(part) for name, part in cells.groupby("source")}
    drawn = cells[keys].clip(lower=_FLOOR)
    limits = 0.5 * drawn.min().min(), 1.5 * np.nanquantile(drawn, 0.998)
    with style.figure(path, 13, 5.2) as fig:
        grid = fig.add_gridspec(
            1, 3, width_ratios=(3.4, 7, 5), left=0.05, right=0.985, top=0.81, bottom=0.15, wspace=0.12
        )
        first = fig.add_subplot(grid[0])
        _shares(first, main, keys, limits)
        for k, (name, groups) in enumerate(_groupings(main, others)):
            ax = fig.add_subplot(grid[1 + k])
            _distributions(ax, name, groups, keys, limits)
            ax.tick_params(labelleft=False)
        if drawn.min().min() == _FLOOR:
            note = f"errors below {style.number(_FLOOR)} are drawn there"
            first.annotate(note, (1, _FLOOR), xytext=(0, 4), textcoords="offset points", ha="right", fontsize=7.5)
        fig.suptitle(
            "Crystal-network cells as targets: "
            + " and ".join(f"{number:,} {_words(name)}" for name, number in count.items()),
            x=0.05,
            ha="left",
            y=0.975,
            fontsize=13,
        )
        handles = [Patch(facecolor=_LOOK[key][1], alpha=0.75, lw=0, label=_LOOK[key][0]) for key in keys]
        if len(others):
            other = _words(others["source"].iloc[0], plural=False)
            handles.append(Line2D([], [], color=style.TARGET, marker="D", ls="", ms=4.5, label=f"a {other}"))
        fig.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.042, 0.935), ncols=4, columnspacing=1.6)


def _words(source, plural=True):
    words = {"generated": "generated cell", "catalogue": "cell of the circulated catalogue"}[source]
    return words.replace("cell", "cells", 1) if plural else words


def _groupings(main, others):
    """(axis label, [(group's label, its cells of the main source, of the other)]) by system and by connectivity."""

    def groups(labels, member):
        found = [(label, main[member(main, k)], others[member(others, k)]) for k, label in labels]
        return [group for group in found if len(group[1]) or len(group[2])]

    uppers = list(CONNECTIVITY)
    lower = dict(zip(uppers, [-np.inf, *uppers], strict=False))
    yield (
        "crystal system",
        groups(_SYSTEM_NAMES.items(), lambda table, k: (table["crystal_system"] == k).to_numpy()),
    )
    yield (
        "struts at a node, on average",
        groups(
            CONNECTIVITY.items(),
            lambda table, k: (
                (table["connectivity"] > lower[k] + 1e-9) & (table["connectivity"] <= k + 1e-9)
            ).to_numpy(),
        ),
    )


def _shares(ax, main, keys, limits):
    """Share of cells whose error is below the value upwards."""
    for key in keys:
        values = np.sort(main[key].clip(lower=_FLOOR))
        color = _LOOK[key][1]
        ax.step(np.arange(1, len(values) + 1) / len(values), values, where="post", color=color, lw=2)
        middle = np.median(main[key])
        ax.plot(0.5, max(middle, _FLOOR), "o", color=color, ms=5, mec="white", mew=1, zorder=3)
        ax.annotate(
            style.number(middle, 2),
            (0.5, max(middle, _FLOOR)),
            xytext=(7, -4),
            textcoords="offset points",
            va="top",
            color=color,
            fontsize=8.5,
        )
    ax.set(xlim=(0, 1), xlabel="share of cells with a smaller error", ylabel="NMSE (Frobenius)")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    ax.set_title("all, with medians", pad=5)
    _log_axis(ax, limits)


def _distributions(ax, name, groups, keys, limits):
    width = 0.8 / len(keys)
    boxes = any(len(main) >= _FEWEST for _, main, _ in groups)
    for x, (_, main, others) in enumerate(groups):
        for k, key in enumerate(keys):
            at, color = x + (k - (len(keys) - 1) / 2) * width, _LOOK[key][1]
            values = main[key].clip(lower=_FLOOR).to_numpy()
            if len(values) < _FEWEST:
                ax.plot(np.full(len(values), at), values, "o", color=color, ms=3.5, alpha=0.8, mew=0)
            else:
                _box(ax, at, 0.8 * width, np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), color)
            ax.plot(
                np.full(len(others), at),
                others[key].clip(lower=_FLOOR),
                "D",
                color=color,
                ms=4.5,
                mec=style.TARGET,
                mew=0.9,
                zorder=4,
            )
    ax.set_xticks(range(len(groups)), [f"{label}\n{len(main):,}" for label, main, _ in groups])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.6, len(groups) - 0.4), xlabel=f"{name}; below, the number of cells")
    shown = "median, quartiles, 5 % and 95 %" if boxes else "every cell"
    ax.set_title(f"by {name.split(',')[0]}: {shown}", pad=5)
    _log_axis(ax, limits)


def _box(ax, x, width, quantiles, color):
    low, first, middle, third, high = quantiles
    ax.vlines(x, low, high, color=color, lw=1.2)
    ax.bar(x, third - first, width, bottom=first, color=color, alpha=0.75, lw=0)
    ax.hlines(middle, x - width / 2, x + width / 2, color="white", lw=1.8, zorder=3)


def _log_axis(ax, limits):
    ax.set(yscale="log", ylim=limits)
    ax.yaxis.set_major_locator(LogLocator(10, numticks=12))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", color=style.GUIDE, lw=0.6)
    ax.set_axisbelow(True)
