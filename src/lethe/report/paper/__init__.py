"""The exhibits of the TOFU paper (arXiv 2401.06121) from our own numbers, and what they share.

An exhibit is a file of ``exhibits`` (``exhibit`` says what it declares, ``exhibit_data`` what it is
given). Figures of runs that unlearn are drawn from scores. What compares single models is made of
their records, which say by their questions what items belong together. ``exhibits/logs_ks`` holds
the numbers of evaluation logs beside those that the paper prints; nothing else reads the latter.
"""
