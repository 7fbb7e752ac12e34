"""Exhibits of the TOFU paper, one file each (``lethe.report.paper.exhibit`` says what one is)."""
