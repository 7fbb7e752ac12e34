"""Code shared by claims about recipes: comparing models that have learned equally well."""

from lethe.analysis.claims.runs import Runs
from lethe.common.errors import LetheError

# The model with which the others of the preset are compared.
PLAIN = ("plain",)
# By how much the probability of the rows learned may differ between models that are compared.
MATCHED = 0.03


def matched(runs: Runs, model: str) -> Runs:
    """The runs of a model; LetheError unless its full model knows its rows as well as plain's.

    Knowing is the probability of the retain rows, by token, which until_loss is to make equal.
    """
    other = runs.of_model(model)
    apart = other.end("full", "probability", "retain") - runs.end("full", "probability", "retain")
    if abs(apart) > MATCHED:
        raise LetheError(
            f"claims: {model}, seed {runs.seed}: its rows' probability is {apart:+.3f} off that of "
            f"{runs.model}: not matched"
        )
    return other
