"""Whether the weights of two checkpoints can be compared: one architecture, no interventions."""

from lethe.common.errors import LetheError


def check_same(first, model, second, other) -> None:
    """LetheError unless ``model`` and ``other``, loaded from both sources, can be compared."""
    shapes = [
        {name: tuple(p.shape) for name, p in one.named_parameters()} for one in (model, other)
    ]
    if shapes[0] != shapes[1]:
        raise LetheError(
            f"{second}: its weights are not those of the architecture of {first} and "
            "cannot be compared with them; name two checkpoints of one model"
        )
    from lethe.model.intervention import carried_by

    for source, one in ((first, model), (second, other)):
        if carried_by(one):
            raise LetheError(
                f"{source}: acts at inference time, not by its weights alone, so comparing "
                "weights says nothing about it; name another"
            )
