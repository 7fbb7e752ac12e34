"""Which part of a causal LM gives its last hidden states."""


def decoder_of(model):
    """The module from tokens to last hidden states, in front of the head.

    transformers' own answer, but where that is the model itself (Llama 4) or a mere layer
    (ModernBERT's decoder): there it is the model's only part that is a model.
    """
    from transformers import PreTrainedModel

    decoder = model.get_decoder()
    if decoder is not model and isinstance(decoder, PreTrainedModel):
        return decoder
    inner_models = [module for module in model.children() if isinstance(module, PreTrainedModel)]
    return inner_models[0] if len(inner_models) == 1 else decoder
