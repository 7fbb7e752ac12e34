"""Settings of all tests."""

import os

# Torch's waiting threads should sleep soon: tests share the machine. Set before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
