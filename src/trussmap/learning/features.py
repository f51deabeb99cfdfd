"""Training tensors of a split of a data set, and their statistics.

The tensors are computed block by block and lie in memory-mapped files that vanish with the process.
So a training needs no more memory than a block and a batch, however many designs there are; the
system caches as much of the rest as fits.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from trussmap.data.dataset import Split
from trussmap.learning.networks import Parents, Tensors, TrainableNetwork

# Rows whose statistics are computed at once.
_ROWS = 1 << 16


def read_features(
    network: type[TrainableNetwork], split: Split, parents: Parents, folder: str | Path
) -> Tensors:
    """Compute the tensors ``network.features`` of all designs of a split.

    Their files are created in ``folder`` and have no name any more when it returns.
    """
    tensors: Tensors = {}
    first = 0
    for block in split.blocks(names=network.columns):
        with torch.no_grad():
            features = network.features(block, parents)

        for name, rows in features.items():
            if name not in tensors:
                tensors[name] = _mapped((len(split), *rows.shape[1:]), rows.dtype, folder)
            tensors[name][first : first + len(rows)] = rows
        first += len(rows)
    return tensors


def _mapped(shape: Sequence[int], dtype: torch.dtype, folder: str | Path) -> torch.Tensor:
    """Map an uninitialised tensor to a file that has no name any more."""
    size = torch.Size(shape).numel()
    handle, path = tempfile.mkstemp(dir=folder, prefix=".features-")
    os.close(handle)
    try:
        return torch.from_file(path, shared=True, size=size, dtype=dtype).reshape(shape)
    finally:
        os.unlink(path)


def moments(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute mean (k,) and standard deviation (k,) of rows (n, k), as double.

    >>> [values.tolist() for values in moments(torch.tensor([[0.0], [1.0], [2.0]]))]
    [[1.0], [1.0]]
    """
    zero = tensor.new_zeros(tensor.shape[1:], dtype=torch.float64)
    mean = sum((rows.double().sum(0) for rows in tensor.split(_ROWS)), zero) / len(tensor)
    squares = sum((((rows.double() - mean) ** 2).sum(0) for rows in tensor.split(_ROWS)), zero)
    return mean, (squares / (len(tensor) - 1)).sqrt()


def extent(tensor: torch.Tensor) -> list[list[float]]:
    """List the minima and the maxima (k,) of the rows of a tensor (n, k).

    >>> extent(torch.tensor([[0.0, 5.0], [1.0, 3.0]]))
    [[0.0, 3.0], [1.0, 5.0]]
    """
    return [tensor.amin(0).tolist(), tensor.amax(0).tolist()]
