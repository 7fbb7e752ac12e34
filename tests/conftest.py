"""Settings of all tests."""

import os

# As in the workflow's jobs: torch's waiting threads sleep. Must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
