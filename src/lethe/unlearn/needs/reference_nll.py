"""Losses before unlearning."""

from lethe.unlearn import need


class Need(need.Need):
    """The loss of each answer before unlearning: one number per row."""

    source = need.MadeFile(
        "reference",
        "forget_nll.json",
        "lethe.unlearn.reference_losses.write_reference_losses",
        options={"batch_size": "unlearning.batch_size"},
        by_run=True,
    )

    def read(self, file, forget):
        return need.column(file, "nll", forget)

    def fill(self, data, value):
        import torch

        data.forget_nll = torch.tensor(value)
