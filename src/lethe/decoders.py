"""Where a causal LM's decoder is: the module from token ids to last hidden states."""

from transformers import PreTrainedModel


def decoder_of(model) -> PreTrainedModel:
    """The decoder of a causal LM.

    transformers' own ``get_decoder`` gives the model itself where its family names the decoder in
    another way (Llama 4), or an output layer that is called so (ModernBERT's).
    """
    found = model.get_decoder()
    if isinstance(found, PreTrainedModel) and found is not model:
        return found
    inner = [part for part in model.children() if isinstance(part, PreTrainedModel)]
    return inner[0] if inner else model
