"""Doctests run in the pages; what their build writes and what only Sphinx runs is left out."""

collect_ignore = ["conf.py", "conftest.py"]
collect_ignore_glob = ["_*", "api/*", "auto_examples/*", "examples/*", "extensions/*", "measured/*"]
