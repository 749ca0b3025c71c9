"""Driver of the product of each row's Hessian of softmax cross-entropy with a vector.

With the coefficients c of a row (see `softmax_general`), C = sum_k c_k, p = softmax(x), z-loss z
and sample weight s, the Hessian (K, K) of the row is ::

    H = (C + 2 s z lse) (diag(p) - p p^T) + 2 s z p p^T

Its first part does not see a constant that is added to v. So with w = v - v_top, top being the most
probable class, and m = sum_k p_k w_k, to which top itself adds nothing ::

    (H v)_k = (C + 2 s z lse) p_k (w_k - m) + 2 s z p_k (v_top + m)

loses no digits on confident rows. Arguments are those of `general_rows.general`, and v and out
(n, K), of the dtype of the logits; out may be the logits.
"""

import numpy as np

from .._core.jit import driver, elementwise, reduction
from .intrinsics import weighted_softmax
from .softmax_general import _coefficients
from .sums import clear

# Rows of scratch memory: weight, row_max, rest, logs.
WORK_ROWS = 4


@reduction
def _mean(p, v, top):
    total = 0.0
    for k in range(p.size):
        total += np.float64(p[k]) * (np.float64(v[k]) - top)
    return total


@elementwise
def _write(p, v, top, mean, weight, shift, out):
    narrow = p.dtype.type
    for k in range(p.size):
        out[k] = narrow(np.float64(p[k]) * (weight * ((np.float64(v[k]) - top) - mean) + shift))


@driver
def hessian_product(
    b,
    logits,
    target,
    target_weight,
    sample_weight,
    scaled_class_weight,
    smoothing,
    z,
    factor,
    v,
    out,
    rows,
    work,
):
    first, last = b * rows, min((b + 1) * rows, logits.shape[0])
    step = work.shape[2]
    used, row_max, rest, logs = work[b, 0], work[b, 1], work[b, 2], work[b, 3]
    p = np.empty((step, logits.shape[1]), logits.dtype)
    for start in range(first, last, step):
        x = logits[start : min(start + step, last)]
        for i in range(x.shape[0]):
            here = (
                target_weight[start + i if target_weight.size > 1 else 0] != 0.0
                or sample_weight[start + i if sample_weight.size > 1 else 0] != 0.0
            )
            used[i] = 1 if here and factor != 0.0 else 0
        weighted_softmax(x, used, p, row_max, rest, logs)
        for i in range(x.shape[0]):
            if used[i] == 0:
                clear(out[start + i])
                continue
            sample_weight_i = sample_weight[start + i if sample_weight.size > 1 else 0] * factor
            weight, _, _ = _coefficients(
                x[i],
                target[start + i],
                target_weight[start + i if target_weight.size > 1 else 0] * factor,
                sample_weight_i,
                scaled_class_weight,
                smoothing,
                row_max[i],
            )
            curvature = 0.0
            if z != 0.0 and sample_weight_i != 0.0:
                curvature = 2.0 * sample_weight_i * z
                weight += curvature * (np.float64(row_max[i]) + np.float64(logs[i]))
            largest = 0
            for k in range(p.shape[1]):
                if p[i, k] > p[i, largest]:
                    largest = k
            top = np.float64(v[start + i, largest])
            mean = _mean(p[i], v[start + i], top)
            shift = curvature * (top + mean) if curvature != 0.0 else 0.0
            _write(p[i], v[start + i], top, mean, weight, shift, out[start + i])
