"""Small masked-diffusion models, and what they should compute, by plain transformers."""

from itertools import combinations, permutations

import torch

from lethe.model.architectures import masked_diffusion

WORDS = "Where was Ada Lind born? Ada was born in Paris. Who is Ben? Ben writes novels. No one."


def make(seed=0, **sizes):
    """A model with random weights, and its tokenizer."""
    given = {"hidden_size": 16, "layers": 2, "heads": 2, "intermediate_size": 24, "draws": 64}
    chosen = masked_diffusion.Architecture(**{**given, "vocabulary": 300, **sizes})
    tokenizer = masked_diffusion.train_tokenizer([WORDS] * 4, chosen.vocabulary)
    model = masked_diffusion.make_model(chosen, tokenizer, seed).eval()
    return model, tokenizer


def masked_losses(model, example, masked):
    """Cross-entropy of the masked answer tokens of one text, by a plain pass; [masked], float64."""
    plain = type(model)(model.config).double().eval()
    plain.load_state_dict(model.state_dict())
    plain.double()
    ids = torch.tensor([example.ids])
    places = [example.start + place for place in masked]
    labels = ids[0, places].clone()
    ids[0, places] = model.config.mask_token_id
    with torch.no_grad():
        logits = plain(input_ids=ids).logits[0, places]
    logits[:, model.config.mask_token_id] = -torch.inf
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")


def exact_loss(model, example):
    """The bound on an answer's loss by all sets of masked tokens, nats a token."""
    tokens, total = example.answer_tokens, 0.0
    for count in range(1, tokens + 1):
        sets = list(combinations(range(tokens), count))
        losses = [masked_losses(model, example, some).sum().item() for some in sets]
        total += sum(losses) / len(sets) / count
    return total / tokens


def loss_over_orders(model, example):
    """The same as the mean over all orders in which the tokens can be written one by one."""
    tokens = example.answer_tokens
    orders, known = list(permutations(range(tokens))), {}
    total = 0.0
    for order in orders:
        for number, place in enumerate(order):
            masked = tuple(sorted(order[number:]))
            if masked not in known:
                losses = masked_losses(model, example, masked).tolist()
                known[masked] = dict(zip(masked, losses, strict=True))
            total += known[masked][place]
    return total / len(orders) / tokens
