"""One broken fixture fails once, not with each of the tests that need it."""

import pytest


class BrokenFixtures:
    """A plugin of pytest. A class of its own: hooks of a conftest hear of no session's fixture."""

    def __init__(self):
        # By name and number of the parameter: why it could not be made.
        self.reasons: dict[tuple[str, int], str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        try:
            return (yield)
        except Exception as error:
            if fixturedef.scope != "function":
                self.reasons[fixturedef.argname, request.param_index] = str(error)[:200]
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        indices = item.callspec.indices if hasattr(item, "callspec") else {}
        for name in item.fixturenames:
            reason = self.reasons.get((name, indices.get(name, 0)))
            if reason is not None:
                pytest.skip(f"fixture {name} failed before, so that the run fails: {reason}")
