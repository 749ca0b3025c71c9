"""Fits of hard problems with known minima: how many end above them without a warning.

python -m tests.hard --problems 2000
python -m tests.hard --problems 1 --start 4711 --verbose
"""

import argparse
import sys
import warnings
from typing import NamedTuple

from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression

from .problems import TOLERANCE, exact_objective, is_above, least_objective, make, null_objective


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
        model.fit(problem.data(), problem.y)
    value = exact_objective(problem, model.coef_, model.intercept_)
    return model, value, [str(warning.message) for warning in caught]


def judge(seed):
    """Fit the problem with this number and return the outcome."""
    problem = make(seed)
    _, value, messages = fit(problem)
    least = least_objective(problem)
    text = " / ".join(messages)
    name = f"{problem.kind}, C={problem.C:g}, {problem.solver}" + ", csr" * problem.is_sparse
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
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    outcomes = []
    for seed in range(options.start, options.start + options.problems):
        outcome = judge(seed)
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
