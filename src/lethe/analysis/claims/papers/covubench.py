"""CoVUBench: what is forgotten in the trained view may be left in others; in text."""

from lethe.analysis.claims.claim import Claim

PAPER = "CoVUBench, 2605.03547"
SUBJECT = "audit"

METHODS = ("grad_diff", "npo_retain", "simnpo")

CLAIMS = (
    *(
        Claim(
            f"after {run} unseen views are answered more often than by the oracle: by",
            (run,),
            lambda r, run=run: r.end(run, "views", "beyond_oracle"),
        )
        for run in METHODS
    ),
    *(
        Claim(
            f"after {run} unseen views gain on the trained one: gap less full's",
            (run, "full"),
            lambda r, run=run: r.end(run, "views", "gap") - r.end("full", "views", "gap"),
        )
        for run in METHODS
    ),
)
