"""Rotations: angle and axis, rotation vectors, and the six numbers that a network puts out.

Rodrigues' formula stands here once for arrays and once for tensors, whose form keeps a gradient at
the angle 0.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

#: A NumPy array or a torch tensor; functions return what they are given. Its operations are not
#: checked: both have them.
Array = TypeVar("Array", bound=Any)

#: Generators (3, 3, 3) of the rotations about the three axes.
GENERATORS = np.array(
    [
        [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 0]],
    ]
)


def rotation(angle_axis: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) of (angle, n1, n2) (..., 3) by Rodrigues' formula, n3 = +√(1 − n1² −
    n2²).

    >>> rotation([np.pi / 2, 0.0, 0.0]).round(12)  # about the third axis
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    angle, n1, n2 = np.moveaxis(np.asarray(angle_axis, float), -1, 0)
    n = np.stack([n1, n2, np.sqrt(np.clip(1 - n1**2 - n2**2, 0, None))], -1)
    cross = _cross_matrix(n / np.linalg.norm(n, axis=-1, keepdims=True))
    sine = np.sin(angle)[..., None, None]
    cosine = np.cos(angle)[..., None, None]
    return np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)


def angle_axis(matrix: np.ndarray) -> np.ndarray:
    """The (angle in [0, 2π), n1, n2) (..., 3) with n3 ≥ 0 of rotations (..., 3, 3): the inverse of
    ``rotation``.

    >>> angle_axis(rotation([1.0, 0.6, 0.0])).round(12)
    array([1. , 0.6, 0. ])
    """
    from scipy.spatial.transform import Rotation

    shape = matrix.shape[:-2]
    vector = Rotation.from_matrix(np.asarray(matrix, float).reshape(-1, 3, 3)).as_rotvec()
    angle = np.linalg.norm(vector, axis=-1)
    axis = np.where(
        angle[:, None] > 0, vector / np.maximum(angle, 1e-300)[:, None], [0.0, 0.0, 1.0]
    )
    down = axis[:, 2] < 0
    axis = np.where(down[:, None], -axis, axis)
    angle = np.where(down, 2 * np.pi - angle, angle) % (2 * np.pi)
    return np.column_stack([angle, axis[:, :2]]).reshape(*shape, 3)


def from_rotation_vector(vectors: Array) -> Array:
    """Rotations (..., 3, 3) by rotation vectors (..., 3), angle times axis; arrays or tensors.

    >>> from_rotation_vector(np.array([0.0, 0.0, np.pi / 2]))[0].round(12)
    array([ 0., -1.,  0.])
    """
    cross = _cross_matrix(vectors)
    if isinstance(vectors, np.ndarray):
        angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
        sine = np.sinc(angle / np.pi)
        versine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
        return np.eye(3) + sine * cross + versine * (cross @ cross)
    import torch

    angle = ((vectors**2).sum(-1)[..., None, None] + 1e-12).sqrt()
    sine = torch.sin(angle) / angle
    versine = (1 - torch.cos(angle)) / angle**2
    return torch.eye(3).to(vectors) + sine * cross + versine * (cross @ cross)


def from_six(vectors: "torch.Tensor") -> "torch.Tensor":
    """Rotations (n, 3, 3), as a tensor, whose first two columns span (n, 6), by Gram–Schmidt (Zhou
    et al. 2019).

    >>> import torch
    >>> from_six(torch.tensor([[2.0, 0, 0, 1, 1, 0]])).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    import torch
    from torch.nn.functional import normalize

    a = vectors[:, :3]
    b = vectors[:, 3:]
    first = normalize(a, dim=-1)
    second = normalize(b - (first * b).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) without the rounding errors of single precision (one step of Newton's).

    >>> nearest_rotation(1.0001 * np.eye(3))[0].round(7)
    array([1., 0., 0.])
    """
    return matrix @ (1.5 * np.eye(3) - 0.5 * matrix.swapaxes(-1, -2) @ matrix)


def _cross_matrix(vectors):
    """The matrices (..., 3, 3) that multiply like the cross product with vectors (..., 3)."""
    x, y, z = (vectors[..., k] for k in range(3))
    o = 0 * x
    rows = [o, -z, y, z, o, -x, -y, x, o]
    if isinstance(vectors, np.ndarray):
        return np.stack(rows, -1).reshape(*x.shape, 3, 3)
    import torch

    return torch.stack(rows, -1).reshape(*x.shape, 3, 3)
