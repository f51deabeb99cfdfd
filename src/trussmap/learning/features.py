"""What networks are trained on: tensors made of a split of a data set, block by block, and their statistics.

The tensors lie in memory-mapped files that vanish with the process, so that a training needs no more memory than a
block and a batch, however many designs there are: the system keeps of the rest what it has room for.
"""

import os
import tempfile
from pathlib import Path

import torch

from trussmap.dataset import Split
from trussmap.learning.networks import Tensors

#: Rows of which statistics are taken at once.
_ROWS = 1 << 16


def read_features(network: type, split: Split, parents: dict, folder: str | Path) -> Tensors:
    """Tensors ``network.features`` of all designs of a split, by name; files for them are made in ``folder``."""
    tensors, first = {}, 0
    for block in split.blocks(names=network.columns):
        with torch.no_grad():
            part = network.features(block, parents)
        for name, rows in part.items():
            if name not in tensors:
                tensors[name] = _mapped((len(split), *rows.shape[1:]), rows.dtype, folder)
            tensors[name][first : first + len(rows)] = rows
        first += len(rows)
    return tensors


def _mapped(shape, dtype, folder):
    """An uninitialised tensor in a file that has no name any more."""
    size = torch.Size(shape).numel()
    handle, path = tempfile.mkstemp(dir=folder, prefix=".features-")
    os.close(handle)
    try:
        return torch.from_file(path, shared=True, size=size, dtype=dtype).reshape(shape)
    finally:
        os.unlink(path)


def moments(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (k,) and standard deviation (k,) of the rows of a tensor (n, k), as double.

    >>> [values.tolist() for values in moments(torch.tensor([[0.0], [1.0], [2.0]]))]
    [[1.0], [1.0]]
    """
    mean = sum(rows.double().sum(0) for rows in tensor.split(_ROWS)) / len(tensor)
    squares = sum(((rows.double() - mean) ** 2).sum(0) for rows in tensor.split(_ROWS))
    return mean, (squares / (len(tensor) - 1)).sqrt()


def extent(tensor: torch.Tensor) -> list[list[float]]:
    """Minima and maxima (k,) of the rows of a tensor (n, k), as a pair of lists.

    >>> extent(torch.tensor([[0.0, 5.0], [1.0, 3.0]]))
    [[0.0, 3.0], [1.0, 5.0]]
    """
    return [tensor.amin(0).tolist(), tensor.amax(0).tolist()]
