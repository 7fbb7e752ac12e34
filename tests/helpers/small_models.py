"""Small models and the plain transformers computations that the tests compare with."""

import copy

import torch
from torch.nn.functional import cross_entropy

from lethe.model.attention import use_packing

# Questions and answers of different lengths, so that every batch has what padding would fill.
PAIRS = [
    ("Where was Ada born?", "Ada was born in Paris."),
    ("Who is Ada's father?", "A baker."),
    ("In which year was the author Ada Lind born, and where?", "In 1950, in the city of Paris."),
    (
        "What does Ada write?",
        "Ada writes long novels about rivers and the quiet of winter.",
    ),
    ("Why?", "No."),
    ("Which prize did Ada win?", "Ada won the Prize for Quiet Novels in 1987."),
    ("Where does Ben live?", "Ben lives in a house by the river."),
]

# Float32 carries 1.2e-7 relative error an operation; two layers and sums over some dozens of tokens
# in another order stay well within 1e-5 of the value, and any wrong token or mask is far outside.
CLOSE = 1e-5

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "bos_token_id": None,
}
FAMILIES = {
    "llama": {"num_key_value_heads": 4},
    "llama_gqa": {"num_key_value_heads": 2, "model_type": "llama"},
    "qwen2": {"num_key_value_heads": 2},
    "gpt_neox": {},
    "phi": {},
}


def make_family(name: str, tokenizer, seed: int = 0):
    """A randomly initialised model of an architecture that runs packed batches."""
    from transformers import AutoConfig, AutoModelForCausalLM

    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    values = {"model_type": name, **SIZES, **special, **FAMILIES[name]}
    config = AutoConfig.for_model(values.pop("model_type"), vocab_size=len(tokenizer), **values)
    with torch.random.fork_rng(devices=[]):
        model = AutoModelForCausalLM.from_config(config)
    model = sharpen(model, seed)
    use_packing(model)
    return model


def sharpen(model, seed: int = 0):
    """Draw large weights: at transformers' own (0.02) every context gives the same logits nearly,
    and a wrong mask would go unnoticed."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.2, generator=draw)
    return model.eval()


def plain(model):
    """The same weights, run by transformers' own attention."""
    other = copy.deepcopy(model).eval()
    other.set_attn_implementation("sdpa")
    return other


def alone(model, example) -> torch.Tensor:
    """Logits at every token of one unpadded sequence, [tokens, V]."""
    return model(input_ids=torch.tensor([example.ids])).logits[0]


def token_nll(model, example) -> torch.Tensor:
    """Negative log-likelihood of each answer token from a pass of its own."""
    labels = torch.tensor(example.ids[example.start :])
    return cross_entropy(alone(model, example)[example.start - 1 : -1], labels, reduction="none")


def sums(model, examples) -> torch.Tensor:
    """Summed negative log-likelihood of each answer, [rows]."""
    return torch.stack([token_nll(model, example).sum() for example in examples])


def token_mean(model, examples) -> torch.Tensor:
    """Mean over all answer tokens of a batch."""
    return torch.cat([token_nll(model, example) for example in examples]).mean()


def gradients(model, loss) -> dict[str, torch.Tensor]:
    """Gradient of a loss by the name of the parameter; the model's own are cleared."""
    model.zero_grad(set_to_none=True)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def distance(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> float:
    """Largest difference of two gradients over all parameters, each relative to its own size.

    Some parameters have no gradient but rounding (a bias of the keys): none counts as smaller than
    a hundredth of the largest.
    """
    assert found.keys() == wanted.keys()
    floor = max(g.norm() for g in wanted.values()) / 100
    return max(
        float((found[name] - g).norm() / torch.maximum(g.norm(), floor))
        for name, g in wanted.items()
    )
