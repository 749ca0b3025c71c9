"""Tests of scikit-learn that cannot hold for our classes, each with its reason.

Those that wait for something leave the list with it; the others last, and are few: see
`MOST_LASTING`.
"""

import re
from typing import NamedTuple


class Exclusion(NamedTuple):
    """A function of scikit-learn's tests, or those of its cases that a pattern finds."""

    test: str
    reason: str
    cases: str = ""

    @property
    def waits(self):
        """Whether this is to go: the reason says with what."""
        return self.reason.startswith("waits: ")

    def meets(self, test, case):
        return test == self.test and re.search(self.cases, case) is not None


L1 = "waits: L1 and elastic-net penalties"
CV = "waits: LogisticRegressionCV"
PATHS = "waits: scikit-learn's path helpers become ours; one is handed our parameters"
SAG = "another solver's internals: sag as it is after a number of epochs"
# So many functions of scikit-learn's tests may be excluded for good.
MOST_LASTING = 15
LOGISTIC = "linear_model/tests/test_logistic.py::"

EXCLUSIONS = [
    # What waits.
    Exclusion(LOGISTIC + "test_sample_and_class_weight_equivalence_liblinear", L1),
    Exclusion(LOGISTIC + "test_logreg_l1", L1),
    Exclusion(LOGISTIC + "test_logistic_regression_cv_refit", L1, "-1$"),
    Exclusion(LOGISTIC + "test_saga_vs_liblinear", L1, "-1$"),
    Exclusion(LOGISTIC + "test_elastic_net_coeffs", L1),
    Exclusion(LOGISTIC + "test_elastic_net_l1_l2_equivalence", L1, "l1"),
    Exclusion(LOGISTIC + "test_elastic_net_vs_l1_l2", L1),
    Exclusion(LOGISTIC + "test_LogisticRegression_elastic_net_objective", L1),
    Exclusion(LOGISTIC + "test_LogisticRegressionCV_GridSearchCV_elastic_net", L1, "3"),
    Exclusion(LOGISTIC + "test_l1_ratio_non_elasticnet", L1),
    Exclusion(LOGISTIC + "test_elastic_net_versus_sgd", L1),
    Exclusion(LOGISTIC + "test_logisticregression_liblinear_sample_weight", L1, "params0"),
    Exclusion(LOGISTIC + "test_scores_attribute_layout_elasticnet", L1),
    Exclusion(LOGISTIC + "test_liblinear_not_stuck", L1),
    Exclusion(LOGISTIC + "test_lr_penalty_l1ratio_incompatible", L1, "l1"),
    Exclusion(LOGISTIC + "test_logistic_cv", CV),
    Exclusion(LOGISTIC + "test_logistic_cv_multinomial_score", PATHS),
    Exclusion("svm/tests/test_bounds.py::test_l1_min_c", L1, "log"),
    # What lasts.
    Exclusion(
        LOGISTIC + "test_dtype_match",
        "coef_ is float64 for float32 X, too: rounded, it would not be the optimum",
        "lbfgs|newton|sag",
    ),
    Exclusion(
        LOGISTIC + "test_large_sparse_matrix",
        "another solver's limit: ours take indices of 64 bits under every name",
        "liblinear|sag",
    ),
    Exclusion(
        LOGISTIC + "test_logistic_regression_callback_support_warning",
        "another solver's limit: ours call callbacks under every name",
    ),
    Exclusion(
        LOGISTIC + "test_liblinear_with_large_values",
        "another solver's limit: ours does not freeze at 1e30",
    ),
    Exclusion(
        LOGISTIC + "test_liblinear_dual_random_state",
        "another solver's internals: the optimum does not depend on a seed",
    ),
    Exclusion(
        LOGISTIC + "test_newton_cholesky_fallback_to_lbfgs",
        "another solver's internals: where it gives up, and for which other",
    ),
    Exclusion("linear_model/tests/test_sag.py::test_sag_classifier_computed_correctly", SAG),
    Exclusion("linear_model/tests/test_sag.py::test_sag_multiclass_computed_correctly", SAG),
    Exclusion("linear_model/tests/test_sag.py::test_binary_classifier_class_weight", SAG),
    Exclusion(
        "linear_model/tests/test_sag.py::test_step_size_alpha_error",
        "another solver's internals: a step length at which sag divides by zero",
    ),
    Exclusion(
        "tests/test_multioutput.py::test_multiclass_multioutput_estimator_predict_proba",
        "a printed figure of a fit that had not converged",
    ),
    Exclusion(
        "metrics/_plot/tests/test_roc_curve_display.py::"
        "test_roc_curve_display_plotting_from_cv_results",
        "a printed figure of fits that stopped earlier: a deviation of 0.05 that is 0.04 here",
        "^(True|False)-False-.*(None|curve_kwargs1)$",
    ),
    Exclusion(
        "utils/_repr_html/tests/test_estimator.py::test_estimator_html_repr_pipeline",
        "solver='lbfgs' is no default here, so the text has it, on a second line",
    ),
    Exclusion(
        LOGISTIC + "test_logistic_regression_array_api_compliance",
        "coef_ is float64 for float32 X, too: rounded, it would not be the optimum",
        "float32",
    ),
    Exclusion(
        "utils/tests/test_estimator_checks.py::test_check_dataframe_column_names_consistency",
        "a check that reads the docstrings of scikit-learn's own modules only",
    ),
]
