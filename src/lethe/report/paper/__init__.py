"""The exhibits of the TOFU paper (arXiv 2401.06121), one module each, from our own numbers.

Figures of runs that unlearn (``trajectories``, ``zoom``, ``curves``) are drawn from scores. What
compares single models (``truth_ratios``, ``rouge``, ``retain_models``, ``references``) is made of
their records, which say by their questions what items belong together. ``comparison`` holds the
numbers of evaluation logs beside those that the paper prints; nothing else reads the latter.
"""
