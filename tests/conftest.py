"""Settings of all tests."""

import os

from helpers.broken_fixtures import BrokenFixtures

# Torch's waiting threads should sleep soon: tests share the machine. Set before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def pytest_configure(config):
    config.pluginmanager.register(BrokenFixtures())
