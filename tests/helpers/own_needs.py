"""Tests of every method have values for Lethe's own needs; a method with others is skipped there.

A need that a reader adds (docs/extending.md) would otherwise fail dozens of tests of its method.
"""

import pytest

from lethe.unlearn import methods

# The needs that the tests of every method give values for.
WITH_VALUES = frozenset(
    ("retain", "reference_nll", "reference_model", "refusals", "alternatives", "prior", "before")
)


class OwnNeeds:
    """A pytest plugin."""

    def pytest_runtest_setup(self, item):
        """Skip a test that gets a method by name and has no value for one of its needs."""
        name = getattr(getattr(item, "callspec", None), "params", {}).get("name")
        if isinstance(name, str) and name in methods.names():
            others = {*methods.load(name)({}, name).needs} - WITH_VALUES
            if others:
                pytest.skip(f"has no values for the need {min(others)} of {name}")
