"""Fits of hard problems with known minima: how many end above them without a warning.

python -m tests.hard --problems 2000
python -m tests.hard --problems 1 --start 4711 --verbose
python -m tests.hard --large --problems 60
"""

import argparse
import functools
import sys
import warnings
from typing import NamedTuple

from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression

from . import large, problems
from .problems import TOLERANCE, is_above, null_objective


class Outcome(NamedTuple):
    """What a fit of a problem came to."""

    seed: int
    kind: str
    excess: float
    is_above: bool
    warned: str

    @property
    def is_silent_failure(self):
        """Whether the fit ended above the minimum and said nothing."""
        return self.is_above and not self.warned

    @property
    def is_needless_warning(self):
        """Whether it warned at the minimum."""
        return bool(self.warned) and not self.is_above


def fit(problem):
    """Fit a problem; return the model, its exact objective, and the warnings of convergence."""
    model = LogisticRegression(**problem.parameters())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(problem.data(), problem.labels, problem.sample_weight)
    value = _module(problem).exact_objective(problem, model.coef_, model.intercept_)
    return model, value, [str(warning.message) for warning in caught]


def _module(problem):
    return large if isinstance(problem, large.Large) else problems


def judge(seed, make=problems.make):
    """Fit the problem with this number and return the outcome."""
    problem = make(seed)
    _, value, messages = fit(problem)
    least = _module(problem).least_objective(problem)
    text = " / ".join(messages)
    is_sparse = sparse.issparse(problem.data())
    name = f"{problem.kind}, C={problem.C:g}, {problem.solver}" + ", csr" * is_sparse
    return Outcome(
        seed,
        name,
        (value - least) / max(least, TOLERANCE * null_objective(problem)),
        is_above(problem, value, least),
        text,
    )


def main():
    """Judge problems by the numbers of the command line; exit code 1 where a fit fails silently."""
    parser = argparse.ArgumentParser(prog="python -m tests.hard", description=__doc__)
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="many rows, sparse, few rows")
    parser.add_argument("--size", type=float, default=0.1, help="factor of their numbers of rows")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    outcomes, make = [], problems.make
    if options.large:
        make = functools.partial(large.make, size=options.size)
    for seed in range(options.start, options.start + options.problems):
        outcome = judge(seed, make)
        outcomes.append(outcome)
        if options.verbose or outcome.is_silent_failure or outcome.is_needless_warning:
            print(f"{seed}: {outcome.excess:.1e} {outcome.kind}  {outcome.warned}", flush=True)
    silent = sum(outcome.is_silent_failure for outcome in outcomes)
    needless = sum(outcome.is_needless_warning for outcome in outcomes)
    rightly = sum(bool(outcome.warned) for outcome in outcomes) - needless
    print(
        f"{len(outcomes)} problems: {silent} silent failures, {needless} needless warnings, "
        f"{rightly} warnings where the minimum was not reached"
    )
    return int(silent > 0 or needless > 0.01 * len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
