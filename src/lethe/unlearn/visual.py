"""Pictures as a model that sees has them after its vision tower and projector.

Methods that forget in the tower alone work on these embeddings, and train no other weights, so that
a text without pictures is answered bit by bit as before.
"""

import re
from collections.abc import Sequence

from lethe.common.errors import LetheError

# Pictures of a pass of the vision tower.
PICTURES = 16


def pictures_of(examples: Sequence) -> list[str | None]:
    """The digest of each tokenised row's picture, the first if it has several; None without one."""
    from lethe.model.picture_tokens import FIRST, PATCH_BITS, digest_of

    pictures = []
    for example in examples:
        patch = next((token for token in example.ids if token >= FIRST), None)
        pictures.append(None if patch is None else digest_of((patch - FIRST) >> PATCH_BITS))
    return pictures


def embeddings(model, digests: Sequence[str]):
    """What the language model gets for pictures, a mean over their patches, [pictures, H] float32.

    [pictures, (1 + D) H] with what D layers add to a picture's states (DeepStack). LetheError for
    a model that does not see.
    """
    import torch

    from lethe.model.forward import within
    from lethe.model.precision import computing

    sight = sight_of(model)

    def made(model):
        with computing(model):
            patches = sight.patches(model, digests)
        return torch.stack([one.float().mean(0) for one in patches])

    return within(model, made)


def embeddings_before(model, digests: Sequence[str]):
    """The same without gradients, some pictures at a time; [0, 0] for none."""
    import torch

    from lethe.train.data_order import batches

    model.eval()
    with torch.no_grad():
        parts = [embeddings(model, part) for part in batches(digests, PICTURES)]
    return torch.cat(parts) if parts else torch.zeros(0, 0)


def sight_of(model):
    """How a model reads pictures; LetheError if it does not."""
    from lethe.model import attached

    sight = attached.model_state(model).sight
    if sight is None:
        raise LetheError("pictures: the model reads text alone; choose one that sees")
    return sight


def tower_layers(model) -> dict:
    """The linear layers of the vision tower and the projector, by name.

    LetheError for a model that does not see.
    """
    import torch

    sight_of(model)
    language = _language(model)
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) not in language
    }


def besides_tower(model) -> list[str]:
    """Patterns of the parameters that belong to the language model; LetheError likewise."""
    sight_of(model)
    language = _language(model)
    names = [
        f"{name}.{own}" if name else own
        for name, module in model.named_modules()
        if id(module) in language
        for own, _ in module.named_parameters(recurse=False)
    ]
    return [f"^(?:{'|'.join(map(re.escape, names))})$"]


def _language(model) -> set[int]:
    """The modules of the language model and its head, by identity."""
    from lethe.model.decoders import decoder_of

    parts = [decoder_of(model), model.get_input_embeddings(), model.get_output_embeddings()]
    return {id(module) for part in parts for module in part.modules()}
