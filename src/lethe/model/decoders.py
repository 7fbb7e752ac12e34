"""Which part of a causal LM gives its last hidden states."""


def decoder_of(model):
    """The module that turns tokens into last hidden states, without the head.

    This is what transformers returns, unless that is the whole model (Llama 4) or a single layer
    (ModernBERT's decoder): then it is the only submodule that is itself a model.
    """
    from transformers import PreTrainedModel

    decoder = model.get_decoder()
    if decoder is not model and isinstance(decoder, PreTrainedModel):
        return decoder
    inner_models = [module for module in model.children() if isinstance(module, PreTrainedModel)]
    return inner_models[0] if len(inner_models) == 1 else decoder
