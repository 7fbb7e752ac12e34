import sys
from pathlib import Path

# The made-up benchmark is shared with the tests of figures.
sys.path.insert(0, str(Path(__file__).parents[1] / "figures"))
