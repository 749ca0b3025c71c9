"""The table of losses: what exports, types, warmup, the fuzzer, benchmarks and tests know of each.

A loss is one file in this folder and one line in `LOSSES`. Nothing of the package is imported here,
so that ``import fastce`` may read it, and the benchmarks may read it as a file. New lines go to the
end: benchmarks of different commits are compared by their place in the table.
"""

from typing import NamedTuple

# The forms of a loss, as suffixes of its name.
VALUE, VALUE_AND_GRAD, GRAD_AND_HESS = "", "_value_and_grad", "_grad_and_hess"
ALL_FORMS = (VALUE, VALUE_AND_GRAD, GRAD_AND_HESS)

# The kinds: one loss for each row of the first argument, one for each of its elements, or one for
# each row of a linear model's logits, which are never stored.
ROWS, ELEMENTS, LINEAR = "rows", "elements", "linear"

# The kinds of targets: class indices, probabilities of the classes shaped like the logits, and for
# losses of elements numbers from 0 to 1.
INDICES, PROBABILITIES, FRACTIONS = "indices", "probabilities", "fractions"

# Options that several losses have, beside `reduction`, which all have, and `axis`, which all of
# rows have.
ROW_OPTIONS = ("weight", "sample_weight", "ignore_index")
ELEMENT_OPTIONS = ("weight", "ignore_index")

INF = float("inf")


class Number(NamedTuple):
    """An option that is a finite number from `least` to `most`: the arguments of `check_number`."""

    name: str
    least: float
    most: float


_SMOOTHING = (Number("label_smoothing", 0.0, 1.0), Number("z_loss", 0.0, INF))
_GAMMA = Number("gamma", 0.0, 1e18)


class Loss(NamedTuple):
    """A loss; its public functions are `name` followed by each of its `forms`.

    `module` is its file in this folder, `first` its first argument.
    """

    name: str
    module: str
    kind: str
    targets: tuple[str, ...]
    options: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    forms: tuple[str, ...] = ALL_FORMS
    first: str = "logits"

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the public functions."""
        return tuple(self.name + form for form in self.forms)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the options, numbers included."""
        return (*self.options, *(number.name for number in self.numbers))


class Special(NamedTuple):
    """A special function, of rows or of elements; `reduces` tells that a row has one result."""

    name: str
    kind: str
    reduces: bool = False


_PAIR = ALL_FORMS[:2]
LOSSES = (
    Loss("cross_entropy", "cross_entropy", ROWS, (INDICES, PROBABILITIES), ROW_OPTIONS, _SMOOTHING),
    Loss(
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy",
        ELEMENTS,
        (FRACTIONS,),
        (*ELEMENT_OPTIONS, "pos_weight"),
    ),
    Loss("focal_loss", "focal", ROWS, (INDICES,), ROW_OPTIONS, (_GAMMA,)),
    Loss(
        "sigmoid_focal_loss",
        "sigmoid_focal",
        ELEMENTS,
        (FRACTIONS,),
        ELEMENT_OPTIONS,
        (Number("alpha", 0.0, 1.0), _GAMMA),
    ),
    Loss("nll_loss", "nll", ROWS, (INDICES,), ROW_OPTIONS, forms=_PAIR, first="log_probs"),
    Loss(
        "binary_cross_entropy",
        "binary_of_probabilities",
        ELEMENTS,
        (FRACTIONS,),
        ("weight",),
        forms=_PAIR,
        first="probs",
    ),
    Loss(
        "linear_cross_entropy",
        "linear_cross_entropy",
        LINEAR,
        (INDICES, PROBABILITIES),
        ("coef", "intercept", *ROW_OPTIONS),
        _SMOOTHING,
        forms=_PAIR,
        first="X",
    ),
    Loss("poly_loss", "poly_loss", ROWS, (INDICES,), ROW_OPTIONS, (Number("epsilon", -1.0, 1e18),)),
    Loss(
        "kl_divergence",
        "kl_divergence",
        ROWS,
        (PROBABILITIES,),
        ("sample_weight",),
        (Number("temperature", 1e-18, 1e18),),
    ),
)
SPECIAL = (
    Special("logsumexp", ROWS, reduces=True),
    Special("softmax", ROWS),
    Special("log_softmax", ROWS),
    Special("sigmoid", ELEMENTS),
    Special("log_sigmoid", ELEMENTS),
)

# Functions that have arguments of their own beside those of their loss.
OTHERS = {"cross_entropy_hess_vector": "_losses.hess_vector"}

# Public function -> its module, below the package.
MODULES = {
    **{function: f"_losses.{loss.module}" for loss in LOSSES for function in loss.functions},
    **OTHERS,
    **{function.name: "_losses.special" for function in SPECIAL},
}


def loss_named(name: str) -> Loss:
    """Return the line of a loss."""
    return next(loss for loss in LOSSES if loss.name == name)
