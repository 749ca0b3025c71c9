"""Driver of losses of rows that bring a row function of their own, with probabilities as targets.

`loss` are the parameters of a loss that implements `rows_of_step` (see `protocol`). Arguments:
logits and target (n, K); sample_weight (n,), or (1,) where all rows weigh the same; factor, which
multiplies all weights: 1 / divisor of the mean; values (n,), grad and hess (n, K), without rows
where they are not wanted, of which grad may be logits itself. The driver writes the sum of the
values of each block to sums (blocks,); work (blocks, WORK_ROWS, rows of a step) is scratch memory.
"""

import numpy as np

from .._core.jit import driver, kernel
from .protocol import Scratch, SoftRows, rows_of_step
from .row_tiles import (
    GRAD,
    HESS,
    LOGITS,
    TARGET,
    gradient_written,
    rows_read,
    rows_written,
    weights_read,
    write_back,
)
from .sums import add, finish

# Rows of scratch memory: weight, row_max, rest, logs.
WORK_ROWS = 4


@kernel
def _block(first, last, logits, target, sample_weight, factor, loss, values, grad, hess, work):
    step = work.shape[1]
    scratch_rows = np.empty((step, logits.shape[1]), logits.dtype)
    weight, value = np.empty(step), np.empty(step)
    total, error = 0.0, 0.0
    for start in range(first, last, step):
        stop = min(start + step, last)
        n = stop - start
        for i in range(n):
            weight[i] = sample_weight[start + i if sample_weight.size > 1 else 0] * factor
        rows = SoftRows(logits[start:stop], target[start:stop], weight[:n])
        scratch = Scratch(scratch_rows[:n], work[0][:n], work[1][:n], work[2][:n], work[3][:n])
        rows_of_step(loss, rows, value[:n], grad[start:stop], hess[start:stop], scratch)
        for i in range(n):
            total, error = add(total, error, value[i])
            if values.size:
                values[start + i] = value[i]
    return finish(total, error)


@driver
def soft_target(
    b,
    logits,
    target,
    sample_weight,
    factor,
    loss,
    values,
    grad,
    hess,
    memory,
    n,
    rows,
    sums,
    work,
):
    first, last = b * rows, min((b + 1) * rows, n)
    start, stop = first, last
    if memory.shape[0]:
        logits = rows_read(logits, memory, LOGITS, first, last)
        target = rows_read(target, memory, TARGET, first, last)
        grad = gradient_written(logits, grad, memory, first, last)
        hess = rows_written(hess, memory, HESS, first, last)
        values, sample_weight = values[first:last], weights_read(sample_weight, first, last)
        start, stop = 0, last - first
    sums[b] = _block(
        start, stop, logits, target, sample_weight, factor, loss, values, grad, hess, work[b]
    )
    write_back(grad, memory, GRAD, first, last)
    write_back(hess, memory, HESS, first, last)
