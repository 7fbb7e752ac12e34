"""The exhibits of the TOFU paper (arXiv 2401.06121) from our own numbers, and what they share.

An exhibit is a file in ``exhibits``; ``exhibit`` says what it declares, ``exhibit_data`` what it
gets. Figures of unlearning runs are drawn from scores. Comparisons of single models are made from
their records, whose items are matched by question. ``exhibits/logs_ks`` compares numbers from
evaluation logs with those printed in the paper; nothing else reads the printed numbers.
"""
