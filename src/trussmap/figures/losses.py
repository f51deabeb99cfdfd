"""Training and validation loss of every network over the epochs."""

from pathlib import Path

import numpy as np

from trussmap.figures import style
from trussmap.learning.registry import architectures


def plot(histories: dict, path: str | Path) -> None:
    """Draw the loss histories {"<architecture>/<network>": list of dicts} to ``path`` (PNG), one panel each.

    A dict of a history has ``epoch``, ``loss`` (training), ``validation_loss`` and ``learning_rate`` (mean squared
    error on scaled quantities); a drop of the learning rate is marked. Networks without a history are left out.
    """
    histories = {name: rows for name, rows in histories.items() if rows}
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    width, height = 3.85 * columns + 0.4, 3.0 * rows + 0.5
    with style.figure(path, width, height) as fig:
        edges = {"left": 0.85 / width, "right": 0.985, "top": 1 - 0.42 / height, "bottom": 0.55 / height}
        grid = fig.add_gridspec(rows, 2 * columns, **edges, wspace=0.75, hspace=0.42)
        for k, (name, history) in enumerate(histories.items()):
            row, column = divmod(k, columns)
            # a last row that is not full stands in the middle
            shift = columns * rows - len(histories) if row == rows - 1 else 0
            ax = fig.add_subplot(grid[row, 2 * column + shift : 2 * column + shift + 2])
            _panel(ax, history, _label(*name.split("/")))


def _label(architecture, network):
    networks = architectures()[architecture].networks
    return networks[network].label if network in networks else f"{architecture}: {network}"


def _panel(ax, history, title):
    def series(key):
        return np.array([row[key] for row in history], float)

    epoch, rate = series("epoch"), series("learning_rate")
    marker = "o" if len(epoch) < 12 else None
    for key, color, label in (("loss", style.TRAIN, "training"), ("validation_loss", style.TEST, "validation")):
        loss = series(key)
        last = loss[np.isfinite(loss)][-1:]
        label += "".join(f", at the end {style.number(value)}" for value in last)
        ax.plot(epoch, loss, color=color, label=label, lw=1.5, marker=marker, ms=3)
    falls = rate[1:] < rate[:-1]
    if falls.mean() < 0.3:  # in steps; a schedule that falls all the time needs no marks
        for k, fall in enumerate(epoch[1:][falls]):
            label = "learning rate falls" if k == 0 else None
            ax.axvline(fall, color=style.GUIDE, lw=0.8, ls=(0, (2, 2)), zorder=0, label=label)
    ax.set(yscale="log", xlabel="epoch", ylabel="loss", title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="upper right", frameon=True, facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8)
