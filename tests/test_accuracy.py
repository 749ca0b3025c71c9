"""The numeric contract on hard rows: every quantity against mpmath.

From random logits to gaps and offsets where naive formulas return 0.

Where each line of the contract stands:

    exp, log1p: at most 1 ULP          test_intrinsics (kernels), test_rowwise (leaves);
                                       all float32: `python tests/accuracy.py`
    value and gradient, (4 + gap) eps  here, by family of rows, for soft targets and weights too
    BCE at its four infinite corners   test_binary_cross_entropy.test_infinite_logits
    0 * (-inf) is 0                    test_cross_entropy, test_binary_cross_entropy
    a NaN stays in its row             test_losses, test_rowwise
    a row of -inf                      test_rowwise, test_special, test_cross_entropy
    ignored and zero-weight rows       test_losses
    offsets lose no digits             here (1e6, -1e6, 1e30),
                                       test_cross_entropy.test_a_large_offset_loses_no_digits
    sums in float64                    here; the same bits for every number of threads: test_threads
    float16 is computed in float32     test_losses
    labels and shapes                  test_checks

The gradient of the sum is the sum of the gradients: over rows, since a row's results do not depend
on its neighbours (here) and "none" and "sum" give one gradient (test_losses.test_reductions_agree);
over targets, since soft targets agree with exact sums (here).
"""

import accuracy
import elementwise
import exact
import mpmath
import numpy as np
import peers
import pytest
from numpy.testing import assert_array_equal

import fastce

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
CLASSES = [
    1,
    2,
    3,
    10,
    17,
    33,
    64,
    130,
    1000,
]  # both kinds of kernels, full and partly filled vectors
FAMILIES = exact.ROW_FAMILIES | {f"{g} ahead": exact.ahead(g) for g in (0, 9, 80)}
fastce_rows, fastce_elements = peers.fastce()


def check(got, want):
    """Assert that every quantity keeps its bound; the message names the worst entry."""
    for quantity, array in got.items():
        errors, bound = want[quantity].errors(array), want[quantity].bound
        at = np.unravel_index((errors / bound).argmax(), errors.shape)
        exactly, error, allowed = want[quantity].high[at], errors[at], bound[at]
        assert error <= allowed, (
            f"{quantity} at {at}: got {array[at]!r}, exact {exactly!r}: {error:.3g} eps, "
            f"allowed are {allowed:.3g}"
        )


def mp(numbers):
    """Return exact numbers as an array of mpmath's."""
    return np.frompyfunc(mpmath.mpf, 1, 1)(numbers.high) + numbers.low


def as_exact(numbers, scale, bound):
    """Return mpmath numbers with the bound of an error that is relative to `scale`."""
    high = numbers.astype(float)
    return exact.Exact(
        high,
        (numbers - high).astype(float),
        np.asarray(scale).astype(float),
        np.broadcast_to(bound, high.shape),
    )


# --------------------------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("n_classes", CLASSES)
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_keep_the_contract(family, n_classes, dtype, rng):
    made = FAMILIES[family](rng, min(30, max(1, 150 // n_classes)), n_classes, dtype)
    if made is None:
        pytest.skip("one class has no runner-up")
    x, y = made
    want = exact.rows(x, y)
    check(fastce_rows(x, y), want)
    grad = fastce.cross_entropy_grad_and_hess(x, y, reduction="none")[0]
    check(
        {
            "gradient, others": exact.without_target(grad, y),
            "gradient, target": exact.at_target(grad, y),
        },
        want,
    )


@DTYPES
@pytest.mark.parametrize("y", [0, 1])
def test_elements_keep_the_contract(dtype, y, rng):
    """At most 4 eps: the compensation is free here, so no term for the gap."""
    limit = 86 if dtype == np.float32 else 700
    spread = [
        np.linspace(-40, 40, 401),
        rng.uniform(-limit, limit, 300),
        [0, -15, 15, 17, 36, -1000, 1000],
    ]
    spread += [make(rng, 30, dtype)[0] for make in exact.ELEMENT_FAMILIES.values()]
    x = np.concatenate(spread).astype(dtype)
    labels = np.full(x.size, y)
    check(fastce_elements(x, labels), exact.elements(x, labels))


def test_long_double_and_mpmath_agree(rng):
    """What the reference of float32 is trusted for: it is wrong by less than 1e-6 eps."""
    x, y = exact.ROW_FAMILIES["36 ahead"](rng, 30, 7, np.float32)
    for form in (
        lambda precise: exact.rows(x, y, precise=precise),
        lambda precise: exact.elements(x[0], y[:7] % 2, precise=precise),
    ):
        precise = form(True)
        for quantity, numbers in form(False).items():
            difference = (numbers.high - precise[quantity].high) + (
                numbers.low - precise[quantity].low
            )
            assert np.all(np.abs(difference) <= 1e-6 * np.finfo(np.float32).eps * numbers.scale), (
                quantity
            )


def repeated(x, y, counts):
    """Return fastce's quantities of rows with counts[k] copies of column k, one for all copies."""
    first = np.cumsum(counts) - counts
    wide = np.repeat(x, counts, axis=1)
    return {
        name: array if array.ndim == 1 else array[:, first]
        for name, array in fastce_rows(wide, first[y]).items()
    }


@DTYPES
@pytest.mark.parametrize("offset", [0, 1e6])
def test_a_hundred_thousand_classes(offset, dtype, rng):
    x = np.sort((3 * rng.standard_normal((2, 300)) + offset).astype(dtype), axis=1)
    counts = rng.multinomial(100_003 - 300, np.full(300, 1 / 300)) + 1
    for k in (-1, 0, 150):  # the largest, the smallest, one between
        y = np.full(2, k % 300)
        check(repeated(x, y, counts), exact.rows(x, y, counts))


@DTYPES
@pytest.mark.parametrize("n_classes", [31, 32, 33, 63, 127, 128, 257, 511, 2049, 30_001])
def test_equal_terms_that_always_round_the_same_way(n_classes, dtype, rng):
    """Rows [0, -c, ..., -c]: errors of a long sum in the array's own dtype add up."""
    found = [
        0.5206,
        0.059035077691078186,
        0.74826467,
        0.6849,
        0.6118781,
        0.32821907858337224,
        0.4797520821134202,
    ]  # by a search
    c = np.concatenate([found, rng.uniform(0, 3, 20 if n_classes > 10_000 else 200)])
    x = np.column_stack([np.zeros(c.size), -c]).astype(dtype)
    counts = np.array([1, n_classes - 1])
    for y in (0, 1):
        target = np.full(c.size, y)
        check(repeated(x, target, counts), exact.rows(x, target, counts))


# --------------------------------------------------------------------------------------------------


def exact_of_coefficients(x, c):
    """Return exact value, gradient and Hessian of rows whose loss is sum_k c_k (lse - x_k).

    c (n, K) are numbers of mpmath.

    A gradient is the difference of C p_k and c_k, and its error relative to their sum, the value's
    relative to the value.
    """
    parts = exact.rows(x, np.zeros(len(x), int), precise=True)
    p, total = mp(parts["softmax"]), c.sum(axis=1)[:, None]
    value, grad, hess = (
        (c * -mp(parts["log_softmax"])).sum(axis=1),
        total * p - c,
        total * mp(parts["Hessian diagonal"]),
    )
    own = parts["log_softmax"].bound.max(axis=1)
    return {
        "value": as_exact(value, np.abs(value), own),
        "gradient": as_exact(grad, total * p + c, parts["softmax"].bound),
        "Hessian": as_exact(hess, np.abs(hess), parts["Hessian diagonal"].bound),
    }


def of_cross_entropy(x, target, **options):
    values, grad = fastce.cross_entropy_value_and_grad(x, target, reduction="none", **options)
    return {
        "value": values,
        "gradient": grad,
        "Hessian": fastce.cross_entropy_grad_and_hess(x, target, reduction="none", **options)[1],
    }


@DTYPES
@pytest.mark.parametrize("n_classes", [2, 10, 40])
@pytest.mark.parametrize("family", ["random", "17 ahead", "1000 behind", "offset 1e6"])
def test_soft_targets_smoothing_and_weights(family, n_classes, dtype, rng):
    x, y = exact.ROW_FAMILIES[family](rng, 6, n_classes, dtype)
    widen = np.frompyfunc(mpmath.mpf, 1, 1)
    w, s = rng.uniform(0.2, 3, n_classes), rng.uniform(0.2, 3, 6)
    q = rng.uniform(0, 2 / n_classes, x.shape).astype(dtype)
    q[:, 0] = 0
    smoothing = 0.1
    with mpmath.workdps(exact.DIGITS):
        hot = widen(np.eye(n_classes)[y])
        smooth = hot * (1 - mpmath.mpf(smoothing)) + mpmath.mpf(smoothing) / n_classes
        both = widen(w) * widen(s)[:, None]
        check(of_cross_entropy(x, q), exact_of_coefficients(x, widen(q.astype(float))))
        check(
            of_cross_entropy(x, q, weight=w, sample_weight=s),
            exact_of_coefficients(x, widen(q.astype(float)) * both),
        )
        check(of_cross_entropy(x, y, label_smoothing=smoothing), exact_of_coefficients(x, smooth))
        check(
            of_cross_entropy(x, y, label_smoothing=smoothing, weight=w, sample_weight=s),
            exact_of_coefficients(x, smooth * both),
        )


@DTYPES
@pytest.mark.parametrize("n_classes", [2, 10, 40])
@pytest.mark.parametrize("family", ["random", "17 ahead", "36 ahead", "offset -1e6"])
def test_class_indices_with_weights_and_one_hot_targets(family, n_classes, dtype, rng):
    """Nothing is a difference here: the error is relative to the result, on confident rows too."""
    x, y = exact.ROW_FAMILIES[family](rng, 12, n_classes, dtype)
    plain = exact.rows(x, y, precise=True)
    w, s = rng.uniform(0.2, 3, n_classes), rng.uniform(0.2, 3, 12)
    one_hot = np.eye(n_classes, dtype=dtype)[y]
    for target, options, factors in [
        (y, {"weight": w, "sample_weight": s}, (w[y], s)),
        (one_hot, {}, (np.ones(12), np.ones(12))),
        (one_hot, {"weight": w, "sample_weight": s}, (w[y], s)),
    ]:
        got = of_cross_entropy(x, target, **options)
        quantities = {
            "cross_entropy": got["value"],
            "gradient, others": exact.without_target(got["gradient"], y),
            "gradient, target": exact.at_target(got["gradient"], y),
            "Hessian diagonal": got["Hessian"],
        }
        for quantity, array in quantities.items():
            with mpmath.workdps(exact.DIGITS):
                factor = np.frompyfunc(mpmath.mpf, 1, 1)(factors[0]) * factors[1]
                numbers = mp(plain[quantity]) * (factor if array.ndim == 1 else factor[:, None])
                check(
                    {quantity: array},
                    {quantity: as_exact(numbers, np.abs(numbers), plain[quantity].bound)},
                )


@DTYPES
@pytest.mark.parametrize("hard", [True, False])
def test_binary_weights_and_soft_targets(hard, dtype, rng):
    x = np.concatenate([make(rng, 20, dtype)[0] for make in exact.ELEMENT_FAMILIES.values()])
    t = (
        rng.integers(0, 2, x.size).astype(dtype)
        if hard
        else rng.uniform(0, 1, x.size).astype(dtype)
    )
    w, v = rng.uniform(0.2, 3, x.size).astype(dtype), rng.uniform(0.2, 3, x.size).astype(dtype)
    options = {"weight": w, "pos_weight": v, "reduction": "none"}
    values, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(x, t, **options)
    hess = fastce.binary_cross_entropy_with_logits_grad_and_hess(x, t, **options)[1]
    off, on = (exact.elements(x, np.full(x.size, y), precise=True) for y in (0, 1))
    with mpmath.workdps(exact.DIGITS):
        a, b, c, d = (
            np.frompyfunc(mpmath.mpf, 1, 1)(array.astype(float))
            for array in (w, v, t, 1 - t.astype(float))
        )
        positive, negative = a * b * c, a * d
        value = sum(
            part * mp(side["binary_cross_entropy_with_logits"])
            for part, side in ((positive, on), (negative, off))
        )
        up, down = negative * mp(off["gradient"]), positive * mp(on["gradient"])
        curvature = (positive + negative) * mp(on["Hessian"])
        check(
            {"value": values, "gradient": grad, "Hessian": hess},
            {
                "value": as_exact(value, value, 4),
                "gradient": as_exact(up + down, up - down, 4),
                "Hessian": as_exact(curvature, curvature, 6),
            },
        )


# --------------------------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("n_classes", [3, 10, 100])
def test_sum_and_mean_add_no_error(n_classes, dtype, rng):
    """Confident rows, whose values a sum of rounded terms would lose, add no error to the worst."""
    x, y = exact.ROW_FAMILIES["17 ahead"](rng, 50, n_classes, dtype)
    want = exact.rows(x, y, precise=True)["cross_entropy"]
    with mpmath.workdps(exact.DIGITS):
        total = mpmath.fsum(mp(want))
        for reduction, number in (("sum", total), ("mean", total / 50)):
            error = (
                abs(mpmath.mpf(fastce.cross_entropy(x, y, reduction=reduction)) - number) / number
            )
            assert error <= want.bound.max() * float(np.finfo(dtype).eps)


@DTYPES
def test_sums_are_float64(dtype, rng):
    """The sum of n equal values is n times one; a sum in float32 would be wrong by 1e-3 here."""
    n = 200_000
    for x, y in [([0.3, 0.0], 1), ([1.7, 0.1, -3.0], 2), ([*rng.standard_normal(40)], 7)]:
        x = np.array([x], dtype)
        one = fastce.cross_entropy(x, [y], reduction="sum")
        many = fastce.cross_entropy(np.repeat(x, n, axis=0), np.full(n, y), reduction="sum")
        assert abs(many - n * one) <= 1e-14 * n * one
    x = np.array([0.3], dtype)
    one = fastce.binary_cross_entropy_with_logits(x, [1], reduction="sum")
    many = fastce.binary_cross_entropy_with_logits(np.repeat(x, n), np.ones(n), reduction="sum")
    assert abs(many - n * one) <= 1e-14 * n * one


NEIGHBOURS = {
    "indices": lambda x, y, q, w: of_cross_entropy(x, y),
    "indices, weights": lambda x, y, q, w: of_cross_entropy(x, y, sample_weight=w),
    "smoothing": lambda x, y, q, w: of_cross_entropy(x, y, label_smoothing=0.1),
    "probabilities": lambda x, y, q, w: of_cross_entropy(x, q),
    "special": lambda x, y, q, w: {
        name: getattr(fastce, name)(x) for name in ("logsumexp", "softmax", "log_softmax")
    },
    "binary, labels": lambda x, y, q, w: fastce_elements(x, np.rint(q)),
    "binary, soft": lambda x, y, q, w: fastce_elements(x, q),
}


@DTYPES
@pytest.mark.parametrize("form", NEIGHBOURS)
def test_a_row_does_not_depend_on_its_neighbours(form, dtype, rng):
    """The same bits wherever rows are cut, so that a batch's gradient is what its parts give."""
    for n_classes in (1, 2, 3, 10, 32, 33, 100):
        x, y = exact.ROW_FAMILIES["random"](rng, 611, n_classes, dtype)
        arrays = x, y, rng.uniform(0, 1, x.shape).astype(dtype), rng.uniform(0.2, 3, 611)
        whole = NEIGHBOURS[form](*arrays)
        for part in (slice(0, 1), slice(610, 611), slice(3, 260), slice(255, 258), slice(250, 611)):
            for quantity, array in NEIGHBOURS[form](*(given[part] for given in arrays)).items():
                assert_array_equal(
                    array,
                    whole[quantity][part],
                    err_msg=f"{quantity} of {n_classes} classes, rows {part}",
                )


# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", elementwise.FUNCTIONS)
@DTYPES
def test_elementary_functions_on_a_sample(name, dtype):
    """The fast sample of what `python tests/accuracy.py` does with every float32."""
    result = elementwise.measure(name, dtype, step=20_011, n=50_000)
    if result is None:
        pytest.skip("long double has too few digits here")
    assert result["tried"] >= 50_000
    assert result["largest"] <= (1 if name.startswith("exp") else 4)


def test_the_table_finds_what_is_wrong(monkeypatch):
    monkeypatch.setattr(accuracy, "CLASSES", [2])

    def zeros(x, y):
        return {name: np.zeros_like(array) for name, array in fastce_rows(x, y).items()}

    for functions, right in ((peers.fastce(), True), ((zeros, fastce_elements), False)):
        lines = accuracy.table(
            accuracy.measure({"fastce": functions}, quick=True), ["fastce"], accuracy.KINDS
        )
        rows = [
            line
            for line in lines[1:]
            if not line[1].startswith(("binary", "sigmoid", "log_sigmoid"))
        ]
        assert len(rows) == 2 * 7 * 3
        for line in rows:
            assert (line[3] != "0 returned") == right
            assert ("BROKEN" not in line[4]) == right
