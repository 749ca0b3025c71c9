"""The HTML that notebooks show of an estimator: scikit-learn's, with descriptions of parameters."""

import re
from typing import Any

# Where an estimator's page is, with places for {estimator_module} and {estimator_name}, to which
# scikit-learn links. Empty while the documentation has no address.
DOCUMENTATION = ""

# scikit-learn (since 1.9) shows descriptions only where it has something to link to.
_NO_PAGE = "#"
_LINK = re.compile(r'\s*rel="noreferrer" target="_blank" href="#[^"]*"')


def described(table: Any) -> Any:
    """Return scikit-learn's table of parameters or attributes, described but with no dead link."""
    if getattr(table, "doc_link", None) == "":
        draw = table._html_repr
        table.doc_link = _NO_PAGE
        table._html_repr = lambda: _LINK.sub("", draw())
    return table
