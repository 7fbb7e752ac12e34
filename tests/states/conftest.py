import sys
from pathlib import Path

# Small models, and the made-up benchmark, are shared with other tests.
for folder in ("core", "figures"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
