"""Settings of the gate that decides which prompts an intervention acts on. Light to import."""

from pydantic import Field

from lethe.unlearn import one_shot


class GateSettings(one_shot.OneShotSettings):
    """``clusters``: how many centres the forget rows have; null: by silhouette, ``most_clusters``.

    ``threshold``: the similarity to the nearest centre from which a prompt is gated; null: chosen
    by Youden's index on the questions, where retain questions that pass the gate weigh
    ``false_positives``.
    """

    clusters: int | None = Field(None, ge=1)
    most_clusters: int = Field(20, ge=2)
    threshold: float | None = Field(None, ge=0, le=1)
    false_positives: float = Field(1.0, ge=0)
