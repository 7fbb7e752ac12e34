"""Which part of a causal LM gives its last hidden states."""


def decoder_of(model):
    """The module from tokens to last hidden states, in front of the head.

    transformers' own answer, but where that is the model itself (Llama 4) or a mere layer
    (ModernBERT's decoder): there it is the model's only part that is a model.
    """
    from transformers import PreTrainedModel

    found = model.get_decoder()
    if found is not model and isinstance(found, PreTrainedModel):
        return found
    parts = [part for part in model.children() if isinstance(part, PreTrainedModel)]
    return parts[0] if len(parts) == 1 else found
