"""Products with the Hessian of cross-entropy, beside the whole matrix in extended precision."""

import numpy as np
import pytest
from layouts import LAYOUTS
from numpy.testing import assert_allclose, assert_array_equal

import fastce

Real = np.longdouble


def hessians(x, c, s, z):
    """Return the two parts of the Hessian (n, K, K) of each row, of coefficients c (n, K)."""
    x = x.astype(Real)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    lse = x.max(axis=1) + np.log(e.sum(axis=1))
    outer = p[:, :, None] * p[:, None, :]
    eye = np.eye(x.shape[1])
    others = (e @ (1 - eye)) / e.sum(axis=1, keepdims=True)  # 1 - p would cancel
    both = (p * others)[:, :, None] * eye - outer * (1 - eye)
    weight = c.sum(axis=1) + 2 * s * z * lse
    return weight[:, None, None] * both, (2 * s * z)[:, None, None] * outer


def coefficients(target, n_classes, w, s, e, ignored=None):
    if target.ndim == 2:
        return s[:, None] * w * ((1 - e) * target.astype(Real) + Real(e) / n_classes)
    hot = np.eye(n_classes, dtype=Real)[np.where(target == ignored, 0, target)]
    c = s[:, None] * ((1 - Real(e)) * w[target][:, None] * hot + Real(e) / n_classes * w)
    return c * (target != ignored)[:, None]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (9, 2), (40, 5), (3, 300), (7000, 3)])
@pytest.mark.parametrize("soft", [False, True])
def test_it_is_the_product_with_the_matrix(rng, dtype, shape, soft):
    n, k = shape
    x, v = ((3 * rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    y = rng.integers(0, k, n)
    target = rng.random(shape) if soft else y
    w, s = rng.random(k) + 0.1, rng.random(n)
    eps = float(np.finfo(np.float32 if dtype == np.float16 else dtype).eps)
    for options in (
        {},
        {"label_smoothing": 0.2, "z_loss": 0.1, "weight": w, "sample_weight": s},
        {"reduction": "mean", "sample_weight": s},
    ):
        options = {"reduction": "sum"} | options
        w_k = options.get("weight", np.ones(k)).astype(Real)
        s_i = options.get("sample_weight", np.ones(n)).astype(Real)
        c = coefficients(target, k, w_k, s_i, options.get("label_smoothing", 0.0))
        parts = hessians(x, c, s_i, Real(options.get("z_loss", 0.0)))
        divisor = s_i.sum() if options["reduction"] == "mean" else 1
        expected = np.einsum("ijk,ik->ij", sum(parts), v.astype(Real)) / divisor
        scale = np.einsum("ijk,ik->ij", sum(map(abs, parts)), abs(v.astype(Real))) / divisor
        found = fastce.cross_entropy_hess_vector(x, target, v, **options)
        assert found.dtype == dtype
        rounding = float(np.finfo(dtype).eps) * abs(expected) + float(np.finfo(dtype).tiny)
        assert (abs(found - expected) <= 16 * eps * scale + rounding).all()


def test_confident_rows_keep_their_digits():
    """The gradient of the most probable class is all but 0; a constant in v changes nothing."""
    x = np.array([[40.0, 0.0, -1.0]])
    p = np.exp(np.array([0, -40, -41], Real))
    v = np.array([[1.0, 2.0, 4.0]])
    expected = [-(p[1] + 3 * p[2]), p[1], 3 * p[2]]
    for shift in (0.0, 1000.0):
        found = fastce.cross_entropy_hess_vector(x, [0], v + shift)
        assert_allclose(found[0], np.array(expected, float), rtol=1e-14)
    assert not fastce.cross_entropy_hess_vector(x, [2], np.ones((1, 3))).any()


def test_a_block_is_made_of_products_and_has_the_diagonal(rng):
    x, y = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    options = {"reduction": "sum", "z_loss": 0.1, "label_smoothing": 0.1}
    blocks = np.stack(
        [
            fastce.cross_entropy_hess_vector(x, y, np.broadcast_to(e, x.shape), **options)
            for e in np.eye(4)
        ],
        axis=-1,
    )
    assert blocks.shape == (6, 4, 4)
    assert_allclose(blocks, blocks.transpose(0, 2, 1), rtol=1e-13)
    _, hess = fastce.cross_entropy_grad_and_hess(x, y, **options)
    assert_allclose(blocks[:, range(4), range(4)], hess, rtol=1e-13)


def test_ignored_rows_may_hold_anything_and_masked_classes_share_nothing(rng):
    x, y, v = rng.standard_normal((5, 3)), np.array([0, -100, 2, 1, -100]), np.ones((5, 3))
    v[:, 0] = 2
    found = fastce.cross_entropy_hess_vector(x, y, v)
    x[1], v[4] = np.nan, np.nan
    assert_array_equal(fastce.cross_entropy_hess_vector(x, y, v), found)
    assert not found[[1, 4]].any()
    assert found[[0, 2, 3]].all()
    masked = np.column_stack([x[[0, 2, 3]], np.full(3, -np.inf)])
    v4 = np.column_stack([v[[0, 2, 3]], np.ones(3)])
    options = {"label_smoothing": 0.3}
    assert_allclose(
        fastce.cross_entropy_hess_vector(masked, y[[0, 2, 3]], v4, **options)[:, :3],
        fastce.cross_entropy_hess_vector(x[[0, 2, 3]], y[[0, 2, 3]], v[[0, 2, 3]], **options),
        rtol=1e-14,
    )
    empty = fastce.cross_entropy_hess_vector(np.zeros((0, 3)), np.zeros(0, int), np.zeros((0, 3)))
    assert empty.shape == (0, 3)
    assert not fastce.cross_entropy_hess_vector(x, np.full(5, -100), v).any()


def test_any_layout_axis_and_out(rng):
    x, v = rng.standard_normal((4, 5, 3)), rng.standard_normal((4, 5, 3))
    y = rng.integers(0, 5, (4, 3))
    expected = fastce.cross_entropy_hess_vector(
        np.moveaxis(x, 1, -1).copy(), y, np.moveaxis(v, 1, -1)
    )
    for layout in LAYOUTS.values():
        given = layout(x)
        found = fastce.cross_entropy_hess_vector(given, y, layout(v), axis=1)
        assert_array_equal(np.moveaxis(found, 1, -1), expected)
        assert found.strides == np.empty_like(given).strides
    assert fastce.cross_entropy_hess_vector(x, y, v, axis=1, out=x) is x
    assert_array_equal(np.moveaxis(x, 1, -1), expected)


def test_every_number_of_threads_gives_the_same_bits(rng):
    x, v = rng.standard_normal((2, 60_000, 3))
    y, results, before = rng.integers(0, 3, 60_000), [], fastce.get_num_threads()
    try:
        for n in (1, 2):
            fastce.set_num_threads(n)
            results.append(fastce.cross_entropy_hess_vector(x, y, v))
    finally:
        fastce.set_num_threads(before)
    assert_array_equal(*results)


def test_the_vector_is_checked():
    x, y = np.zeros((2, 3)), [0, 1]
    for bad in (np.zeros(3), np.zeros((2, 1)), 1.0):
        with pytest.raises(ValueError, match=r"^v must have the shape"):
            fastce.cross_entropy_hess_vector(x, y, bad)
    for bad in ("v", [[1j] * 3] * 2, None):
        with pytest.raises(TypeError, match=r"^v must"):
            fastce.cross_entropy_hess_vector(x, y, bad)
    v = np.zeros((2, 3))
    with pytest.raises(ValueError, match="out must not overlap v"):
        fastce.cross_entropy_hess_vector(x, y, v, out=v)


def test_it_solves_newtons_equations(rng):
    """By conjugate gradients: each row's Hessian is singular along constants only."""
    from scipy.sparse.linalg import LinearOperator, cg

    x, y = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    _, grad = fastce.cross_entropy_value_and_grad(x, y)

    def product(v):
        return fastce.cross_entropy_hess_vector(x, y, v.reshape(x.shape)).ravel()

    step, status = cg(LinearOperator((20, 20), matvec=product), grad.ravel(), rtol=1e-12)
    assert status == 0
    assert_allclose(product(step), grad.ravel(), atol=1e-11)
