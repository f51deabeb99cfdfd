"""Training and validation loss of every network over the epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from trussmap.figures import style
from trussmap.learning.registry import architectures

#: Rows of a history, one an epoch.
History = Sequence[Mapping[str, Any]]


def plot(histories: Mapping[str, History], path: str | Path) -> None:
    """Draw the losses of networks to ``path`` (PNG), one panel each.

    ``histories`` are {"<architecture>/<network>": rows} with ``epoch``, ``loss`` (training),
    ``validation_loss`` and ``learning_rate`` in a row; losses are mean squared errors of scaled
    quantities. A drop of the learning rate is marked. Networks without a history are left out.
    """
    shown = {name: rows for name, rows in histories.items() if rows}
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    width = 3.85 * columns + 0.4
    height = 3.0 * rows + 0.5
    edges = {
        "left": 0.85 / width,
        "right": 0.985,
        "top": 1 - 0.42 / height,
        "bottom": 0.55 / height,
    }
    with style.figure(path, width, height) as fig:
        grid = fig.add_gridspec(rows, 2 * columns, **edges, wspace=0.75, hspace=0.42)
        for k, (name, history) in enumerate(shown.items()):
            row, column = divmod(k, columns)
            # A last row that is not full is centred.
            shift = columns * rows - len(shown) if row == rows - 1 else 0
            ax = fig.add_subplot(grid[row, 2 * column + shift : 2 * column + shift + 2])
            _panel(ax, history, _label(*name.split("/")))


def _label(architecture: str, network: str) -> str:
    networks = architectures()[architecture].networks
    return networks[network].label if network in networks else f"{architecture}: {network}"


def _panel(ax: Axes, history: History, title: str) -> None:
    """Draw the losses of one network."""

    def series(key: str) -> np.ndarray:
        return np.array([row[key] for row in history], float)

    epoch = series("epoch")
    rate = series("learning_rate")
    marker = "o" if len(epoch) < 12 else None
    for key, color, words in (
        ("loss", style.TRAIN, "training"),
        ("validation_loss", style.TEST, "validation"),
    ):
        loss = series(key)
        last = loss[np.isfinite(loss)][-1:]
        label = words + "".join(f", at the end {style.number(value)}" for value in last)
        ax.plot(epoch, loss, color=color, label=label, lw=1.5, marker=marker, ms=3)

    falls = rate[1:] < rate[:-1]
    if falls.mean() < 0.3:  # A schedule that falls all the time needs no marks.
        for k, fall in enumerate(epoch[1:][falls]):
            mark: dict[str, Any] = {"label": "learning rate falls" if k == 0 else None}
            ax.axvline(fall, color=style.GUIDE, lw=0.8, ls=(0, (2, 2)), zorder=0, **mark)
    ax.set(yscale="log", xlabel="epoch", ylabel="loss", title=title)
    locator: Any = ax.xaxis.get_major_locator()
    locator.set_params(integer=True)
    box: dict[str, Any] = {
        "frameon": True,
        "facecolor": "white",
        "edgecolor": "none",
        "framealpha": 0.9,
    }
    ax.legend(loc="upper right", fontsize=8, **box)
