"""Bad input: an error names the argument, the rule, what came and where; nothing is written."""

import re

import numpy as np
import pytest

import fastce
from fastce._core import checks

MESSAGE = re.compile(
    r"^(?P<name>\w+)(\[\d\])? must (?P<rule>.+?); got (?P<came>.+?)( at (row|index) .+)?$",
    re.DOTALL,
)

X = np.linspace(-1, 1, 12).reshape(4, 3)
LABELS = np.array([0, 1, 2, 1])
SOFT = np.full((4, 3), 1 / 3)
P = np.full((4, 3), 0.25)
STARTS = {
    "cross_entropy": (X, LABELS),
    "focal_loss": (X, LABELS),
    "nll_loss": (-1 - X, LABELS),
    "binary_cross_entropy_with_logits": (X, SOFT),
    "sigmoid_focal_loss": (X, SOFT),
    "binary_cross_entropy": (P, SOFT),
}
FIRST = dict.fromkeys(STARTS, "logits") | {"nll_loss": "log_probs", "binary_cross_entropy": "probs"}
BY_ROW = ("cross_entropy", "focal_loss", "nll_loss")
OBJECTS = np.array([[object] * 3] * 4)


def replaced(array, place, value, dtype=None):
    array = array.astype(dtype or array.dtype)
    array[place] = value
    return array


# Floats that are no class indices.
NO_LABELS = (
    LABELS + 0.5,
    replaced(LABELS, 2, 3.0, float),
    replaced(LABELS, 2, -1.0, np.float32),
    replaced(LABELS, 2, np.nan, np.float32),
    replaced(LABELS, 2, np.inf, np.float32),
    replaced(LABELS, 2, 2.0**63, float),
    LABELS[:3].astype(float),
)


def bad_inputs():
    """Yield (function, argument at fault, its bad value)."""
    for function, first in FIRST.items():
        for bad in (
            OBJECTS,
            X.astype(str),
            X.astype(complex),
            "logits",
            None,
            [[1, 2], [3]],
            X.astype("M8[s]"),
            {},
        ):
            yield function, first, bad
        for bad in ("mean ", "avg", None, 1, ["mean"], "", b"mean"):
            yield function, "reduction", bad
        for bad in (
            None,
            "target",
            OBJECTS,
            LABELS.astype(str),
            LABELS.astype(complex),
            [[1], [2, 3]],
            {},
        ):
            yield function, "target", bad
        for bad in (
            "weight",
            -np.ones(3),
            [1, np.nan, 1],
            [1, np.inf, 1],
            np.ones(4),
            np.array([object] * 3),
            [1, 1j, 1],
        ):
            yield function, "weight", bad
    for function in BY_ROW:
        yield function, FIRST[function], np.float64(3)
        for bad in (
            replaced(LABELS, 2, 3),
            replaced(LABELS, 2, -1),
            replaced(LABELS, 2, 2**62),
            replaced(LABELS, 2, 2**63, np.uint64),
            LABELS[:3],
            LABELS[:, None],  # (N, 1) would broadcast against (N,)
            LABELS[None],
            LABELS[:1],
            1,
            LABELS.astype(bool),
            *NO_LABELS,
            np.eye(3, dtype=int)[LABELS],
            LABELS.astype("M8[s]"),
        ):
            yield function, "target", bad
        for bad in (np.ones(2), np.ones((3, 1)), np.ones((1, 3)), np.ones(1), 1.0, [1, 2, -1e-9]):
            yield function, "weight", bad
        ones = np.ones(4)
        for bad in (
            np.ones(3),
            np.ones((4, 1)),
            np.ones((1, 4)),
            np.ones((4, 3)),
            replaced(ones, 2, -1),
        ):
            yield function, "sample_weight", bad
        for bad in (
            replaced(ones, 2, np.nan),
            replaced(ones, 2, np.inf),
            "x",
            np.array([object] * 4),
            ones + 1j,
        ):
            yield function, "sample_weight", bad
        for bad in (1.5, "a", None, [1, 2], np.nan):
            yield function, "ignore_index", bad
        for bad in (2, -3, 0.5, "0", None, (0, 1)):
            yield function, "axis", bad
    for bad in (-1e-9, 1 + 1e-9, np.nan, np.inf, "0.1", None, [0.1, 0.2], 1j):
        yield "cross_entropy", "label_smoothing", bad
    for bad in (SOFT[:3], SOFT[:, :2], SOFT[None], SOFT.T, SOFT[:, :1], SOFT[:1]):
        yield "cross_entropy", "target", bad
    for function in ("binary_cross_entropy_with_logits", "binary_cross_entropy"):
        for bad in (
            SOFT[:3],
            SOFT[:, :1],
            SOFT[:1],
            SOFT[0],
            SOFT[None],
            SOFT.T,
            1.0,
            replaced(SOFT, (2, 1), 1.5),
        ):
            yield function, "target", bad
        for bad in (np.ones((1, 4, 3)), np.ones((2, 4, 3)), np.ones((3, 4))):
            yield function, "weight", bad
    for bad in ("w", -np.ones(3), [1, np.nan, 1], [1, np.inf, 1], np.ones(4), np.ones((2, 4, 3))):
        yield "binary_cross_entropy_with_logits", "pos_weight", bad
    for bad in (1.5, "a", [1, 2]):
        yield "binary_cross_entropy_with_logits", "ignore_index", bad


def _label(value):
    return re.sub(r"\s+", " ", repr(value))[:50]


@pytest.mark.parametrize(
    ("function", "name", "bad"),
    [pytest.param(*row, id=f"{row[0]}-{row[1]}-{_label(row[2])}") for row in bad_inputs()],
)
def test_every_form_refuses_bad_input_alike(function, name, bad):
    first, target = STARTS[function]
    args = {FIRST[function]: first, "target": target, name: bad}
    x, target = args.pop(FIRST[function]), args.pop("target")
    messages = []
    forms = {"": 0, "_value_and_grad": 1, "_grad_and_hess": 2}
    for suffix, n_arrays in forms.items():
        form = getattr(fastce, function + suffix, None)
        if form is None:
            continue
        outs = [np.full((4, 3), 7.0) for _ in range(n_arrays)]
        extra = {} if n_arrays == 0 else {"out": outs[0] if n_arrays == 1 else tuple(outs)}
        with pytest.raises((TypeError, ValueError)) as caught:
            form(x, target, **args, **extra)
        for out in outs:
            np.testing.assert_array_equal(out, np.full((4, 3), 7.0))
        messages.append(str(caught.value))
        parsed = MESSAGE.match(messages[-1])
        assert parsed, messages[-1]
        assert parsed["name"] == name, messages[-1]
    assert len(set(messages)) == 1


@pytest.mark.parametrize(
    ("target", "row", "value"),
    [
        (replaced(LABELS, 2, 3), "2", "3"),
        (replaced(LABELS, 0, -7), "0", "-7"),
        (replaced(LABELS, 3, 2**63 + 5, np.uint64), "3", str(2**63 + 5)),
    ],
)
@pytest.mark.parametrize("function", BY_ROW)
def test_a_label_out_of_range_is_named(function, target, row, value):
    with pytest.raises(
        ValueError, match=rf"^target must be class indices.*; got {value} at row {row}$"
    ):
        getattr(fastce, function)(X, target)


def test_a_label_out_of_range_in_many_dimensions_is_named():
    target = np.zeros((2, 5), int)
    target[1, 3] = 9
    with pytest.raises(ValueError, match=r"^target must .*; got 9 at index \(1, 3\)$"):
        fastce.cross_entropy(np.zeros((2, 4, 5)), target, axis=1)


def test_a_weight_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"^sample_weight must .*; got -2.* at row 3$"):
        fastce.cross_entropy(X, LABELS, sample_weight=[1, 1, 1, -2])
    with pytest.raises(ValueError, match=r"^weight must .*; got -2"):
        fastce.cross_entropy(X, LABELS, weight=[1, -2, 1])
    with pytest.raises(ValueError, match=r"^target must .*; got 1\.5"):
        fastce.binary_cross_entropy_with_logits(X, replaced(SOFT, (2, 1), 1.5))


def test_shapes_are_named():
    with pytest.raises(ValueError, match=r"^target must .*\(4,\).*; got .*\(4, 1\)"):
        fastce.cross_entropy(X, LABELS[:, None])
    with pytest.raises(ValueError, match=r"^target must .*\(4, 3\).*; got .*\(4, 1\)"):
        fastce.binary_cross_entropy_with_logits(X, SOFT[:, :1])


def test_no_class_at_all():
    with pytest.raises(ValueError, match=r"^\w+ must .*; got "):
        fastce.cross_entropy(np.zeros((2, 0)), [0, 0])


def test_options_are_keyword_only():
    for function, (first, target) in STARTS.items():
        with pytest.raises(TypeError, match="positional"):
            getattr(fastce, function)(first, target, np.ones(3))
        with pytest.raises(TypeError, match="unexpected keyword"):
            getattr(fastce, function)(first, target, wieght=np.ones(3))


@pytest.mark.parametrize(
    "function", ["logsumexp", "softmax", "log_softmax", "sigmoid", "log_sigmoid"]
)
@pytest.mark.parametrize(
    "bad", [OBJECTS, X.astype(str), X.astype(complex), "x", None, [[1, 2], [3]], {}], ids=_label
)
def test_special_functions_refuse_what_is_not_real(function, bad):
    with pytest.raises((TypeError, ValueError), match=r"^x must .*; got "):
        getattr(fastce, function)(bad)


def test_a_class_weight_is_named_by_its_class():
    with pytest.raises(
        ValueError, match=r"^weight must be finite and not negative; got -1\.0 at class 2$"
    ):
        fastce.cross_entropy(X, LABELS, weight=[1, 1, -1])


def test_weights_beyond_float32_are_refused_alone_and_multiplied():
    with pytest.raises(
        ValueError, match=r"^sample_weight must be at most 3\.4e\+38; got 1e\+39 at row"
    ):
        fastce.cross_entropy(X, LABELS, sample_weight=[1e39] * 4)
    with pytest.raises(ValueError, match=r"^weight times sample_weight must be at most "):
        fastce.cross_entropy(X, LABELS, weight=[1e30] * 3, sample_weight=[1e30] * 4)
    with pytest.raises(ValueError, match=r"^weight times pos_weight must be at most "):
        fastce.binary_cross_entropy_with_logits(X, SOFT, weight=1e30, pos_weight=1e30)


def test_out_must_not_be_the_memory_of_a_buffer_that_is_read():
    memory = np.array([0.2, 0.9, 0.4])
    with pytest.raises(ValueError, match=r"^out must not overlap target"):
        fastce.binary_cross_entropy_with_logits_value_and_grad(
            [1.0, 2.0, 3.0], memoryview(memory), out=memory
        )


def test_weights_of_no_columns():
    assert np.isnan(
        fastce.binary_cross_entropy_with_logits(
            np.zeros((3, 0)), np.zeros((3, 0)), weight=np.ones(0)
        )
    )


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_what_cannot_be_a_probability_is_refused(bad):
    with pytest.raises(
        ValueError, match=r"^target must be finite and not negative; got .* at index \(2, 1\)$"
    ):
        fastce.cross_entropy(X, replaced(SOFT, (2, 1), bad))


def test_probabilities_of_a_wrong_shape_are_told_their_shape():
    with pytest.raises(
        ValueError, match=r"^target must be .*\(4, 3\); got dtype float64 and shape \(4, 4\)$"
    ):
        fastce.cross_entropy(X, np.ones((4, 4)))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("cross_entropy", "weight"),
        ("cross_entropy", "sample_weight"),
        ("focal_loss", "weight"),
        ("nll_loss", "sample_weight"),
        ("binary_cross_entropy_with_logits", "weight"),
        ("binary_cross_entropy", "weight"),
        ("sigmoid_focal_loss", "weight"),
    ],
)
def test_weights_may_all_be_zero(name, option, reduction):
    """As in torch: nothing is summed, and a mean that divides by the weights divides by nothing."""
    by_row = name in {"cross_entropy", "focal_loss", "nll_loss"}
    x = np.full((3, 3), np.nan if name.endswith("logits") or by_row else 0.5)
    target = np.array([0, 1, 2]) if by_row else np.zeros((3, 3))
    value, grad = getattr(fastce, name + "_value_and_grad")(
        x, target, **{option: np.zeros(3)}, reduction=reduction
    )
    assert np.isnan(value) if by_row and reduction == "mean" else value == 0
    assert not grad.any()


def test_positives_may_have_no_weight():
    x, target = np.array([1.0, -2.0]), np.array([1.0, 0.0])
    value, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(
        x, target, pos_weight=0.0, reduction="sum"
    )
    assert value == pytest.approx(np.log1p(np.exp(-2.0)), rel=1e-15)
    assert grad[0] == 0.0


@pytest.mark.parametrize(
    ("function", "option"),
    [("cross_entropy", "label_smoothing"), ("cross_entropy", "z_loss"), ("focal_loss", "gamma")],
)
def test_an_option_beyond_all_floats_is_named(function, option):
    with pytest.raises(ValueError, match=option):
        getattr(fastce, function)(np.zeros((1, 2)), [0], **{option: 10**400})


def test_errors_speak_the_callers_language():
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"out\[1\] must not overlap logits"):
        fastce.cross_entropy_grad_and_hess(x, [0, 1], out=(np.zeros((2, 3)), x))
    with pytest.raises(
        ValueError,
        match=r"or be floats \(probabilities\) of shape \(2, 3\); "
        r"got dtype int64 and shape \(2, 3\)",
    ):
        fastce.cross_entropy(x, np.eye(3, dtype=np.int64)[:2])
    with pytest.raises(TypeError, match="ignore_index must be an integer; got True"):
        fastce.cross_entropy(x, [0, 1], ignore_index=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_whole_floats_are_class_indices(dtype, shape):
    """XGBoost and LightGBM keep labels in float32."""
    labels = np.arange(np.prod(shape, dtype=int)).reshape(shape) % 5
    found = checks.as_labels(labels.astype(dtype), shape)
    assert found.dtype == np.int64
    assert found.flags.carray
    assert found.tolist() == labels.ravel().tolist()
    x = np.random.default_rng(0).standard_normal((*shape, 5))
    for name in ("cross_entropy", "focal_loss", "nll_loss", "poly_loss"):
        function = getattr(fastce, name)
        assert function(x, labels.astype(dtype)) == function(x, labels)
    ignored = np.where(labels == 1, -100, labels)
    assert np.array_equal(
        fastce.cross_entropy(x, ignored.astype(dtype), reduction="sum"),
        fastce.cross_entropy(x, ignored, reduction="sum"),
    )


def test_other_floats_in_the_shape_of_labels_have_the_sentence_of_today():
    sentence = (
        r"^target must be integers \(class indices\) of shape \(2,\) or floats \(probabilities\) "
        r"of shape \(2, 3\); got dtype float32 and shape \(2,\)$"
    )
    with pytest.raises(TypeError, match=sentence):
        fastce.cross_entropy(np.zeros((2, 3)), np.array([0.5, 1], np.float32))
    with pytest.raises(ValueError, match=r"class indices from 0 to 2 .*; got 3 at row 1$"):
        fastce.cross_entropy(np.zeros((2, 3)), np.array([0, 3], np.float32))


NCHW = np.zeros((2, 7, 5, 5), np.float32)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (np.zeros((2, 5, 5), int), {}),
        (np.zeros(2, int), {}),
        (np.zeros((2, 7), int), {}),
        (np.zeros((2, 7, 5), int), {"sample_weight": np.ones((2, 5, 5))}),
        (np.zeros((2, 7, 5), int), {"weight": np.ones(7)}),
        (np.full((2, 5, 7, 5), 0.2), {}),
    ],
)
def test_the_layout_of_torch_without_axis_is_named(target, options):
    for name in ("cross_entropy_value_and_grad", "focal_loss", "nll_loss", "poly_loss"):
        with pytest.raises((TypeError, ValueError), match=r"\(with classes on axis 1,.*axis=1\)$"):
            getattr(fastce, name)(NCHW, target, **options)


def test_axis_is_not_named_where_it_is_not_the_reason():
    for call in (
        lambda: fastce.cross_entropy(NCHW, np.zeros((2, 7), int), axis=1),
        lambda: fastce.cross_entropy(np.zeros((4, 3)), np.zeros(3, int)),
        lambda: fastce.cross_entropy(NCHW, np.full((2, 7, 5), 9)),
        lambda: fastce.cross_entropy(NCHW, np.full((2, 7, 5), 0.5)),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert "axis" not in str(caught.value)


def test_axes():
    assert checks.check_axes(None, 3) == (0, 1, 2)
    assert checks.check_axes(-1, 3) == (2,)
    assert checks.check_axes((-1, 0), 3) == (2, 0)
    assert checks.check_axes((), 3) == ()
    for bad in ((0, 0), (1, -2), (0, 3)):
        with pytest.raises(ValueError, match="axis must"):
            checks.check_axes(bad, 3)
    for bad in ((0, 1.0), [0, 1], "01", 1.0):
        with pytest.raises(TypeError, match="axis must"):
            checks.check_axes(bad, 3)


def test_no_warning_comes_unasked():
    with np.errstate(all="raise"):
        assert fastce.nll_loss(np.array([[np.inf, 0.0], [-np.inf, 1.0]]), [0, 0]) != 0  # inf - inf
        assert fastce.binary_cross_entropy([0.0, 1.0], [1.0, 0.0], weight=1e30) == 1e32


def test_a_pair_says_how_many_came():
    for out, came in ((np.zeros(2), "ndarray"), ((np.zeros(2),), "1 of them")):
        with pytest.raises(TypeError, match=rf"^out must be a pair of arrays .*; got {came}$"):
            fastce.cross_entropy_grad_and_hess(np.zeros((1, 2)), [0], out=out)


def test_true_is_no_axis():
    with pytest.raises(TypeError, match=r"^axis must be an integer; got True$"):
        fastce.softmax(np.zeros((2, 2)), axis=True)
