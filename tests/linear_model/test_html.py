"""What notebooks show of an estimator."""

import re

import pytest
import sklearn
from linear_models import raw

from fastce.linear_model import LogisticRegression, _html

HAS_DESCRIPTIONS = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


def test_the_picture_names_every_parameter_that_is_set():
    html = LogisticRegression(C=2.5, label_smoothing=0.1)._repr_html_()
    assert "LogisticRegression" in html
    for name in ("label_smoothing", "2.5"):
        assert name in html


@pytest.mark.skipif(not HAS_DESCRIPTIONS, reason="scikit-learn describes parameters since 1.9")
def test_parameters_and_attributes_are_described_without_dead_links():
    html = LogisticRegression().fit(*raw("iris"))._repr_html_()
    text = re.sub(r"\s+", " ", html)
    for name, words in (
        ("C", "Inverse strength of the penalty"),
        ("label_smoothing", "a target is a one-hot row times"),
        ("solver", "newton-cholesky"),
        ("n_threads", "Threads of fit and predictions"),
        ("grad_norm_", "Largest absolute entry of its gradient"),
    ):
        assert re.search(rf"{name} <span class=.param-doc-description.*?{words}", text), name
    assert "href" not in html
    assert "target=" not in html


@pytest.mark.skipif(not HAS_DESCRIPTIONS, reason="scikit-learn describes parameters since 1.9")
def test_one_setting_links_to_the_pages(monkeypatch):
    page = "https://example.org/{estimator_module}.{estimator_name}.html"
    monkeypatch.setattr(LogisticRegression, "_doc_link_template", page)
    html = LogisticRegression()._repr_html_()
    assert 'href="https://example.org/fastce.linear_model.LogisticRegression.html"' in html
    assert "LogisticRegression.html#:~:text=label_smoothing" in html


def test_a_table_that_has_links_is_left_alone():
    class Table:
        doc_link = "https://example.org"

    table = Table()
    assert _html.described(table) is table
    assert vars(table) == {}
