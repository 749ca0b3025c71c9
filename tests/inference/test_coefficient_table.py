"""The table: p-values to the last tail, text that lines up, a DataFrame."""

import mpmath
import numpy as np
import pytest

from fastce.inference import CoefficientTable


def table(n_classes=2, **changes):
    """Return a table of two parameters a class."""
    k = n_classes - 1
    coef = np.array([[0.5, -3e-4], [12.0, 7.0]])[:k]
    std_err = np.array([[0.25, 1e-5], [4.0, 1e-3]])[:k]
    fields = {
        "names": np.array(["intercept", "x0"], dtype=object),
        "classes": np.array(["b", "c"])[:k],
        "reference": "a",
        "coef": coef,
        "covariance": np.diag(std_err.ravel() ** 2),
        "cov_type": "nonrobust",
        "alpha": 0.05,
        "C": np.inf,
        "n_obs": 120.0,
        "log_likelihood": -61.25,
    }
    return CoefficientTable(**(fields | changes))


def test_figures_follow_from_coefficients_and_covariance():
    found = table(3, alpha=0.01)
    np.testing.assert_allclose(found.std_err, [[0.25, 1e-5], [4.0, 1e-3]], rtol=1e-15)
    np.testing.assert_allclose(found.z, [[2.0, -30.0], [3.0, 7000.0]], rtol=1e-14)
    with mpmath.workdps(30):
        exact = [float(mpmath.erfc(z / mpmath.sqrt(2))) for z in (2, 30, 3)]
        quantile = float(mpmath.sqrt(2) * mpmath.erfinv(mpmath.mpf("0.99")))
    np.testing.assert_allclose(found.p_value.ravel()[:3], exact, rtol=1e-11)
    assert found.p_value[1, 1] == 0.0
    half = 0.5 * (found.conf_int[..., 1] - found.conf_int[..., 0])
    np.testing.assert_allclose(half, quantile * found.std_err, rtol=1e-10)
    np.testing.assert_allclose(found.conf_int.mean(axis=-1), found.coef, rtol=1e-10)


def test_it_prints():
    lines = str(table(3)).splitlines()
    assert lines[:2] == [
        "Logistic regression, 120 rows, no penalty",
        "log-likelihood -61.25, standard errors from the Hessian",
    ]
    assert "class b against a" in lines
    assert "class c against a" in lines
    row = next(line for line in lines if line.startswith("x0"))
    assert row.split() == "x0 -0.0003 1e-05 -30.00 0.000 -0.0003196 -0.0002804".split()
    body = [line for line in lines if line.startswith((" ", "x0", "intercept"))]
    assert len({len(line) for line in body}) == 1
    assert repr(table()) == str(table())
    penalised = str(table(C=0.5, cov_type="HC0", alpha=0.2))
    for part in ("penalised, C=0.5", "standard errors robust (HC0)", "[0.1", "0.9]"):
        assert part in penalised


def test_it_becomes_a_frame():
    pd = pytest.importorskip("pandas")
    frame = table().to_frame()
    columns = ["coef", "std_err", "z", "p_value", "ci_lower", "ci_upper"]
    assert frame.columns.tolist() == columns
    assert frame.loc["x0", "z"] == pytest.approx(-30.0)
    frame = table(3).to_frame()
    assert isinstance(frame.index, pd.MultiIndex)
    assert frame.loc[("c", "intercept"), "ci_upper"] == table(3).conf_int[1, 0, 1]


def test_without_pandas_it_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas"):
        table().to_frame()
