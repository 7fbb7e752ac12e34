"""A method with a need of a reader's own is skipped by the tests of every method, no other is."""

from types import SimpleNamespace

import pytest

from helpers.own_needs import WITH_VALUES, OwnNeeds
from lethe.unlearn import methods, needs
from lethe.unlearn.methods import npo


def of(**params):
    return SimpleNamespace(callspec=SimpleNamespace(params=params))


def test_lethes_own_methods_are_all_tested():
    # No method needs subjects or the rows of a defence before, only wrappers with a setting.
    assert set(needs.names()) - {"subjects", "before_rows"} == WITH_VALUES
    for item in (*(of(name=name) for name in methods.names()), of(name="no method"), of(name=3)):
        OwnNeeds().pytest_runtest_setup(item)
    OwnNeeds().pytest_runtest_setup(SimpleNamespace())


def test_a_method_with_another_need_is_skipped(monkeypatch):
    monkeypatch.setattr(npo.Method, "needs", ("retain", "paraphrases"))
    with pytest.raises(pytest.skip.Exception, match="no values for the need paraphrases of npo"):
        OwnNeeds().pytest_runtest_setup(of(name="npo"))
    OwnNeeds().pytest_runtest_setup(of(name="grad_ascent"))
