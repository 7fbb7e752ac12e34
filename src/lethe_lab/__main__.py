"""``python -m lethe_lab``: the command ``lethe``, where that word starts another program."""

from lethe_lab import main

main()
