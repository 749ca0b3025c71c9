"""The stub of the public names is what its generator writes today."""

import fastce
from fastce._tools import stubs


def test_the_stub_is_that_of_the_table():
    told = "fastce/__init__.pyi is old: python -m fastce._tools.stubs"
    assert stubs.STUB.read_text(encoding="utf-8") == stubs.text(), told


def test_the_stub_names_what_is_public():
    for name in fastce.__all__:
        assert f'    "{name}",\n' in stubs.text()


def test_main_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(stubs, "STUB", tmp_path / "__init__.pyi")
    stubs.main()
    assert stubs.STUB.read_text(encoding="utf-8") == stubs.text()
