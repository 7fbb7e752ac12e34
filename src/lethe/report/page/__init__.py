"""The page of a run, report.html: one file that opens on results and needs no network."""
