"""A checkpoint as lm-evaluation-harness asks it, with the interventions that it carries.

Only ``lethe.evaluate.harness`` imports this module, since the harness is an optional package.
Texts become tokens, and tokens windows, as in the harness's own class for transformers' models;
passes over the tokens are Lethe's, so packed rows, other layouts and interventions work as
everywhere else.
"""

from collections.abc import Sequence

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import (
    handle_stop_sequences,
    normalize_gen_kwargs,
    postprocess_generated_text,
)
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from lethe.common.errors import LetheError
from lethe.model.encoder import Example, token_ids
from lethe.model.generate import greedy
from lethe.model.intervention import asked
from lethe.model.likelihood import Likelihood

# Positions of a model whose configuration names no number, and tokens of an answer whose task
# names none: the harness's own defaults.
POSITIONS = 2048
NEW_TOKENS = 256

Tokens = tuple[tuple[str, str] | None, list[int], list[int]]


class HarnessModel(TemplateLM):
    """``(model, tokenizer)`` as ``lethe.model.checkpoint.load`` returns them."""

    def __init__(self, model, tokenizer):
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        config = model.config.get_text_config()
        self.positions = getattr(config, "max_position_embeddings", None) or POSITIONS
        if tokenizer.eos_token_id is None:
            raise LetheError("tokenizer: it has no end-of-text token, which the harness needs")

    @property
    def eot_token_id(self) -> int:
        return self.tokenizer.eos_token_id

    @property
    def prefix_token_id(self) -> int:
        begin = self.tokenizer.bos_token_id
        return self.eot_token_id if begin is None else begin

    @property
    def tokenizer_name(self) -> str:
        """What the harness calls cached requests by."""
        return self.tokenizer.name_or_path.replace("/", "__")

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs):
        """Token ids; the tokenizer adds its own special tokens unless the text begins with them."""
        begin = self.tokenizer.decode([self.prefix_token_id])
        special = not string.startswith(begin) if add_special_tokens is None else add_special_tokens
        [ids] = token_ids(self.tokenizer, [string], special)
        return ids

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False):
        """Log-likelihood (nats) of each continuation, and whether greedy decoding gives it."""
        changed = [
            _with(request, (asked(self.tokenizer, request.args[0]), *request.args[1:]))
            if request.args[0]
            else request
            for request in requests
        ]
        return super().loglikelihood(changed, disable_tqdm=True)

    def _loglikelihood_tokens(self, requests: Sequence[Tokens], **kwargs):
        examples = [self._example(before, after) for _, before, after in requests]
        if not examples:
            return []
        scored = Likelihood(examples, range(len(examples)))(self.model)
        return [
            (-loss * example.answer_tokens, own == example.answer_tokens)
            for example, loss, own in zip(examples, scored.loss, scored.own, strict=True)
        ]

    def _example(self, before: list[int], after: list[int]) -> Example:
        """Context and continuation; what is too long loses its first tokens, as in the harness."""
        if len(after) > self.positions:
            raise LetheError(
                f"lm_eval: a continuation has {len(after)} tokens, but the model has "
                f"{self.positions} positions; leave its task out"
            )
        # The last token predicts nothing and needs no position.
        ids = [*before, *after][-(self.positions + 1) :]
        return Example(tuple(ids), len(ids) - len(after))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False):
        """Log-likelihood (nats) of whole texts, in windows as long as the model allows."""
        windows: list[Tokens] = []
        owner: list[int] = []
        for place, request in enumerate(requests):
            windows_of_text = get_rolling_token_windows(
                token_list=self.tok_encode(*request.args),
                prefix_token=self.prefix_token_id,
                max_seq_len=self.positions,
                context_len=1,
            )
            for window in windows_of_text:
                windows.append((None, *make_disjoint_window(window)))
                owner.append(place)
        sums = [0.0] * len(requests)
        for place, (value, _) in zip(owner, self._loglikelihood_tokens(windows), strict=True):
            sums[place] += value
        return sums

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Greedy answers, each up to the first of its task's stop sequences."""
        end = self.tokenizer.decode([self.eot_token_id])
        prompts, longest, stops = [], [], []
        for request in requests:
            context, given = request.args
            wanted = normalize_gen_kwargs(given, NEW_TOKENS)
            if wanted["do_sample"]:
                raise LetheError(
                    "lm_eval: a task samples its answers, which is not supported; use a task with "
                    "greedy answers"
                )
            most = wanted["max_gen_toks"]
            if most >= self.positions:
                raise LetheError(
                    f"lm_eval: a task asks for answers of {most} tokens, but the model has "
                    f"{self.positions} positions; leave the task out"
                )
            ids = self.tok_encode(asked(self.tokenizer, context))[-(self.positions - most) :]
            prompts.append(ids)
            longest.append(len(ids) + most)
            stops.append(handle_stop_sequences(wanted.get("until"), eos=end))
        answers = greedy(self.model, prompts, longest, self.eot_token_id)
        return [
            postprocess_generated_text(
                self.tokenizer.decode(ids, skip_special_tokens=True), stop, think_end_token=None
            )
            for ids, stop in zip(answers, stops, strict=True)
        ]

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """A conversation in the tokenizer's chat template."""
        return self.tokenizer.apply_chat_template(
            chat_history,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
        )


def _with(request: Instance, arguments: tuple) -> Instance:
    """A copy of a request with other arguments."""
    return Instance(request.request_type, request.doc, arguments, request.idx)
