"""Steps of least squares between bounds, compiled: what refinement spends its time on beside the
finite elements.
"""

import numpy as np

from trussmap.base.cache import compiled

# Times that a step is worked out anew with what would leave its bounds fixed there.
_PASSES = 4


def bounded_step(
    residual: np.ndarray,
    jacobian: np.ndarray,
    damping: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    reach: np.ndarray,
) -> np.ndarray:
    """Least |r + J s|² + λ |s / reach|² for n steps s (n, k) of at most ``reach`` between bounds.

    What would leave them is fixed there and the others make up for it, pass by pass. Worked out
    with as many equations as residuals, of which there are fewer than parameters: with D diagonal,
    s = −D⁻¹Jᵀ (J D⁻¹ Jᵀ + λ)⁻¹ r.

    Parameters
    ----------
    residual : (n, q); jacobian : (n, q, k); damping : (n,) λ, relative to the largest column of J;
        others : (n, k)
    """
    step = np.empty_like(lower)
    _bounded_steps(residual, np.ascontiguousarray(jacobian), damping, lower, upper, reach, step)
    return step


@compiled(__name__, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _bounded_steps(residual, jacobian, damping, lower, upper, reach, step):
    count, equations, size = jacobian.shape
    scale = np.empty(size)
    weighted = np.empty((equations, size))
    fixed = np.empty(size, np.bool_)
    low = np.empty(size)
    high = np.empty(size)
    normal = np.empty((equations, equations))
    left = np.empty(equations)
    for n in range(count):
        j = jacobian[n]
        s = step[n]
        # The longest column of J, and the gradient Jᵀr.
        scale[:] = 0.0
        s[:] = 0.0
        for i in range(equations):
            for k in range(size):
                scale[k] += j[i, k] ** 2
                s[k] += j[i, k] * residual[n, i]
        longest = scale.max()
        for k in range(size):
            scale[k] = reach[n, k] ** 2 / longest
            low[k], high[k] = max(lower[n, k], -reach[n, k]), min(upper[n, k], reach[n, k])
            fixed[k] = (low[k] >= 0 and s[k] > 0) or (high[k] <= 0 and s[k] < 0)
            s[k] = 0.0
        for _ in range(_PASSES):
            for i in range(equations):
                missing = residual[n, i]
                for k in range(size):
                    missing += j[i, k] * (s[k] if fixed[k] else 0.0)
                    weighted[i, k] = 0.0 if fixed[k] else j[i, k] * scale[k]
                left[i] = missing
                for h in range(i + 1):
                    total = 0.0
                    for k in range(size):
                        total += weighted[i, k] * j[h, k]
                    normal[i, h] = total
                normal[i, i] += damping[n]
            _solve(normal, left)
            within = True
            for k in range(size):
                if not fixed[k]:
                    s[k] = 0.0
            for i in range(equations):
                for k in range(size):
                    s[k] -= left[i] * weighted[i, k]
            for k in range(size):
                if not fixed[k]:
                    free = s[k]
                    s[k] = min(max(free, low[k]), high[k])
                    if free != s[k]:
                        fixed[k] = True
                        within = False
            if within:
                break


@compiled(__name__, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _solve(matrix, right):
    """Solve in place by Cholesky's factors; ``matrix`` is positive definite, and its lower half
    alone is read.
    """
    size = len(right)
    for i in range(size):
        for h in range(i + 1):
            total = matrix[i, h]
            for k in range(h):
                total -= matrix[i, k] * matrix[h, k]
            matrix[i, h] = np.sqrt(total) if h == i else total / matrix[h, h]
        total = right[i]
        for k in range(i):
            total -= matrix[i, k] * right[k]
        right[i] = total / matrix[i, i]
    for i in range(size - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, size):
            total -= matrix[k, i] * right[k]
        right[i] = total / matrix[i, i]
