"""Lethe: a laboratory for machine unlearning.

Importing the package imports nothing heavy; each module loads what it needs.
"""

# Not a number written here: digests of code take this file into every job's.
from lethe_lab import __version__

__all__ = ["__version__"]
