"""Limited-memory BFGS around the objective's preconditioner, in compact form.

The pairs are two matrices (Byrd, Nocedal & Schnabel 1994), so that an iteration is four products
with them instead of a loop over the pairs (Nocedal 1980).

References
----------
J. Nocedal (1980), Updating quasi-Newton matrices with limited storage, Mathematics of Computation
35. R. H. Byrd, J. Nocedal, R. B. Schnabel (1994), Representations of quasi-Newton matrices and
their use in limited memory methods, Mathematical Programming 63.
"""

import numpy as np

from .line_search import search
from .monitor import Monitor
from .objective import Objective, Point
from .vectors import dot, empty_rows, gemv, gemv_transposed, store_pair

_EPS = float(np.finfo(np.float64).eps)
# Pairs kept: many, since they cost little beside a pass over the data ...
_MAX_MEMORY = 100
# ... fewer for long vectors, at least these ...
_MIN_MEMORY = 5
# ... so that each matrix has at most this many entries (16 MB in float32).
_MEMORY_ENTRIES = 1 << 22
# The scale of the preconditioner costs one product with it: it is found from this many pairs at
# first, ...
_FIRST_SCALES = 3
# ... and from each fourth one later.
_SCALE_INTERVAL = 4
# The preconditioner is renewed after this many iterations, when the point has moved far, ...
_FIRST_REFRESH = 5
# ... and then whenever the number of iterations has grown by this factor.
_REFRESH_GROWTH = 3
# A renewal is put off where fewer iterations seem to be left than this many times its cost in
# evaluations, ...
_REFRESH_COSTS = 2
# ... by this many iterations.
_PUT_OFF = 5


def lbfgs(monitor: Monitor, *, memory: int | None = None, pause_after: float = np.inf) -> None:
    """Minimise by limited-memory BFGS until the monitor says that it ends.

    Parameters
    ----------
    monitor : Monitor
        The minimisation, where it stands.
    memory : int or None
        Pairs kept; by default 100, fewer for long vectors, at least 5.
    pause_after : float
        It also returns at this iteration; the monitor's status is empty then.
    """
    objective, size = monitor.objective, monitor.point.theta.size
    if memory is None:
        memory = max(_MIN_MEMORY, min(_MAX_MEMORY, _MEMORY_ENTRIES // max(1, size)))
    inverse, schedule = CompactBfgs(objective, memory, size), _RefreshSchedule(monitor)
    direction = np.empty(size)
    while True:
        point = monitor.point
        inverse.direction(point.grad, direction)
        decrement = -dot(point.grad, direction)
        if not (0.0 < decrement < np.inf) and inverse.n_pairs:
            # Rounding has spoilt the pairs: start over from the preconditioner.
            inverse.reset()
            continue
        if monitor.n_iter >= pause_after or monitor.check(decrement):
            return
        new, n_evaluations = search(objective, point, direction, -decrement)
        monitor.n_evaluations += n_evaluations
        if new is None and inverse.n_pairs:
            inverse.reset()
            inverse.direction(point.grad, direction)
            slope = dot(point.grad, direction)
            new, n_evaluations = search(objective, point, direction, slope)
            monitor.n_evaluations += n_evaluations
        if new is None:
            monitor.give_up()
            return
        inverse.update(new, point, direction)
        monitor.move(new)
        if (
            monitor.n_iter in (1, schedule.next)
            and schedule.is_due()
            and objective.refresh(new.theta, False)
        ):
            inverse.reset_scale()


class _RefreshSchedule:
    """When the preconditioner is renewed: often at first, then geometrically, not near the end."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.next = _FIRST_REFRESH
        # An earlier iteration and the gap then: the rate at which the gap falls.
        self._earlier = 0, np.inf

    def is_due(self) -> bool:
        """Tell whether to renew now, and set the next iteration to ask at."""
        monitor, objective = self.monitor, self.monitor.objective
        if monitor.n_iter == 1:
            # With a diagonal the gap falls evenly from the start; with a better preconditioner it
            # falls much faster at first than later.
            if objective.is_diagonal:
                self._earlier = 1, monitor.gap
            return False
        is_due = not self._iterations_left() < _REFRESH_COSTS * objective.refresh_cost
        self.next = self.next * _REFRESH_GROWTH if is_due else self.next + _PUT_OFF
        self._earlier = monitor.n_iter, monitor.gap
        return is_due

    def _iterations_left(self) -> float:
        """Return the iterations left if the gap goes on falling as it has since the earlier one."""
        n_iter, gap = self._earlier
        now = self.monitor
        if not (now.gap < gap < np.inf and now.gap_tol > 0.0):
            return np.inf
        rate = np.log(now.gap / now.gap_tol) / np.log(gap / now.gap)
        return float(rate * (now.n_iter - n_iter))


class CompactBfgs:
    """The BFGS approximation of the inverse Hessian, from steps s and changes of the gradient y.

    With R the upper triangle of s_i . y_j, D its diagonal and H the preconditioner times a scale,
    the product with q is::

        alpha = R^-1 S q      r = H (q - Y^T alpha)      result = r + S^T R^-T (D alpha - Y r)

    Pairs of long vectors are rounded to float32, which halves their memory and what a product
    reads. R and D are those of the rounded pairs, so the matrix is still a BFGS matrix, and
    positive definite.

    A new pair adds a column to R, hence one to R^-1, which is kept: R^-1 without the oldest pair is
    the remaining part of it.
    """

    def __init__(self, objective: Objective, memory: int, size: int) -> None:
        self.objective, self.memory = objective, memory
        self.S, self.Y = empty_rows(memory, size), empty_rows(memory, size)
        # s_i . y_i, times the ratio of the factors that y_i and s_i are stored with.
        self.D = np.zeros(memory)
        # Rows and columns in the order of the rows of S and Y, which new pairs take in turn.
        self.R_inverse = np.zeros((memory, memory))
        self.reset()

    def reset(self) -> None:
        """Drop all pairs."""
        self.n_pairs, self.row = 0, 0
        self.reset_scale()

    def reset_scale(self) -> None:
        """Forget the scale of the preconditioner, which is another one now."""
        self.scale, self.n_updates = 1.0, 0

    def update(self, new: Point, old: Point, work: np.ndarray) -> None:
        """Store the pair of two points, unless the curvature along it is lost in rounding.

        `work` (size,) is overwritten.
        """
        row, is_full = self.row, self.n_pairs == self.memory
        used = self.n_pairs + (not is_full)
        S, Y = self.S[:used], self.Y[:used]
        pairs = (new.theta, new.grad), (old.theta, old.grad)
        products, s_factor, y_factor = store_pair(*pairs, S, Y, row, work)
        slope = dot(S[row], old.grad)
        sy = float(products[row]) * (y_factor / s_factor)
        # The change of the slope along s must stand out of the rounding of the slope itself.
        noise = _EPS * y_factor * abs(slope)
        is_good = noise < products[row] and 0.0 < sy < np.inf
        if is_good and (self.n_updates < _FIRST_SCALES or self.n_updates % _SCALE_INTERVAL == 0):
            self.objective.precondition(work, work)
            y_norm = dot(Y[row], work)
            is_good = _EPS * y_norm < sy and y_norm > 0.0
            self.scale = sy / y_norm if is_good else self.scale
        self.n_updates += 1
        inverse = self.R_inverse[:used, :used]
        inverse[row], inverse[:, row], self.D[row] = 0.0, 0.0, 0.0
        if is_good:
            # An overflow makes the direction infinite, and `lbfgs` drops the pairs then.
            with np.errstate(over="ignore", invalid="ignore"):
                inverse[:, row] = inverse @ (products / -products[row])
                inverse[row, row], self.D[row] = 1.0 / products[row], sy
        elif is_full:
            # The pair has overwritten the oldest one: zeros make the row count for nothing.
            S[row], Y[row] = 0.0, 0.0
        else:
            return
        self.n_pairs, self.row = used, (row + 1) % self.memory

    def direction(self, grad: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write minus the product with a gradient to `out` and return it."""
        used = self.n_pairs
        if used == 0:
            out = self.objective.precondition(grad, out)
            out *= -self.scale
            return out
        S, Y, D = self.S[:used], self.Y[:used], self.D[:used]
        R_inverse = self.R_inverse[:used, :used]
        with np.errstate(over="ignore", invalid="ignore"):
            alpha = R_inverse @ gemv(S, grad)
            gemv_transposed(Y, self.scale * alpha, grad, out, -self.scale)
            self.objective.precondition(out, out)  # `out` is -r from here on
            beta = (D * alpha + gemv(Y, out)) @ R_inverse
            return gemv_transposed(S, -beta, out, out)
