"""Just enough of the tokenizers of Llama 2, Phi-1.5 and Llama 3 for a few rows of TOFU.

``pieces/*.txt`` hold the pieces that these rows need, with the models' own ids: lines ``piece id``,
then, in the models' order, lines ``left right id`` for merges and what they give. They come from
the published vocabularies (Llama 2: tokenizer.json of its release; Phi-1.5: GPT-2's encoder.json
and vocab.bpe, of which its tokenizer is an extension; Llama 3: its tokenizer.model). Merges that no
step of these rows takes cannot change them, so the ids are those of the whole tokenizers.
"""

from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerFast

PIECES = Path(__file__).parent / "pieces"
# How Llama 3 cuts a text before its merges.
LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def pieces(name: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges, in order."""
    lines = [line.split(" ") for line in (PIECES / f"{name}.txt").read_text("utf-8").splitlines()]
    return {"".join(line[:-1]): int(line[-1]) for line in lines}, [
        (line[0], line[1]) for line in lines if len(line) == 3
    ]


def llama2() -> PreTrainedTokenizerFast:
    """SentencePiece's BPE: spaces are pieces' first characters, no words, bytes where none fits."""
    vocabulary, merges = pieces("llama2")
    bpe = models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(bpe)
    steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Replace("▁", " ")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def phi() -> PreTrainedTokenizerFast:
    """GPT-2's BPE over bytes; no token opens a text."""
    tokenizer = Tokenizer(models.BPE(*pieces("gpt2")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")


def llama3(end: str = "<|eot_id|>") -> PreTrainedTokenizerFast:
    """BPE over bytes that takes a word whole where it has it. Without a chat template."""
    vocabulary, merges = pieces("llama3")
    marks = [piece for piece, key in vocabulary.items() if key >= 128000]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    words = pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated")
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, whole])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in marks])
    begin = "<|begin_of_text|>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, vocabulary[begin])]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=begin, eos_token=end)
