"""Alternative answers (AltPO, 2409.13474)."""

from lethe.unlearn import need


class Need(need.AlternateAnswers):
    """Other answers to the forget questions, by the model before unlearning."""

    source = need.MadeFile(
        "alternatives",
        "alternatives.json",
        "lethe.unlearn.alternatives.propose_alternatives",
        options={"settings": "alternatives"},
    )

    def read(self, file, forget):
        return need.column(file, "alternatives", forget)
