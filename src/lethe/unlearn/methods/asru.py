"""ASRU: steer a layer towards not knowing, then learn by reward to refuse what is forgotten."""

import logging
import random
from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.execution import Execution
from lethe.train.optimizer_settings import Backpropagation
from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Range

logger = logging.getLogger("lethe.common.progress")


class ASRUSettings(method.MethodSettings):
    """``stage1`` edits ``layer`` (null: at 17/36 of the depth), ``stage2`` learns by reward.

    ``direction``: from forget prompts to those of ``strangers`` questions about invented people,
    followed by ``suffix``, whose greedy answers have a word of ``unknowing`` (all of them if no
    answer has), or random of the same length (the control). ``strength``: its factor.
    ``edit_epochs`` to ``retain_factor``: training of the MLP (``trained``, the authors');
    ``gamma``: ridge (``ridge``). ``rollouts`` a prompt, of up to ``tokens`` tokens at
    ``temperature``; ``kl``: weight of the divergence from stage 1's model; ``boundary``: the share
    of retain rows, those nearest to forget questions, that are asked beside them; ``refusals``:
    phrases that mark a refusal. The schedule is that of stage 2, where a batch has as many boundary
    prompts as forget prompts.
    """

    stage1: Literal["trained", "ridge", "none"] = "trained"
    stage2: Literal["grpo", "none"] = "grpo"
    layer: int | None = Field(None, ge=0)
    direction: Literal["unknown", "random"] = "unknown"
    strangers: int = Field(200, ge=1)
    suffix: str = ""
    unknowing: str = "not | no | sorry"
    strength: Annotated[float, Range(0.5, 8, log=True)] = Field(3.0, ge=0)
    edit_epochs: int = Field(3, ge=1)
    edit_lr: float = Field(1e-4, gt=0, le=1)
    edit_batch: int = Field(8, ge=1)
    retain_factor: float = Field(1.0, ge=0)
    gamma: float = Field(1e-2, gt=0)
    rollouts: int = Field(8, ge=2)
    tokens: int = Field(48, ge=1)
    temperature: float = Field(1.5, gt=0)
    kl: Annotated[float, Range(0.01, 1.0, log=True)] = Field(0.1, ge=0)
    boundary: float = Field(0.273, gt=0, le=1)
    refusals: str = "tofu"
    # Rollouts are drawn within the loss, so estimates from differences of the loss would be noise.
    gradient: Backpropagation = Field(default={"name": "backpropagation"}, validate_default=True)


class Method(method.Method):
    """Stage 1: a layer's MLP maps forget prompts to h + strength v, v = mean h(u) - mean h(f).

    h is the layer's output at a prompt's last token, u prompts about strangers, f forget prompts;
    on retain rows the output stays. ``trained`` is the authors' way, ``ridge`` that of a third
    party (``lethe.unlearn.steering_edit``). Stage 2: L = mean of -A ratio + kl k3 over each
    rollout's tokens, then over rollouts (GRPO): A a rollout's reward less its group's mean, by the
    standard deviation (``lethe.unlearn.rewards``), k3 = exp(d) - d - 1 with d = log p_1 - log p,
    p_1 of the model after stage 1, at the sampling temperature. Each step draws its own rollouts,
    so the ratio has the value 1 and matters by its gradient alone. The paper edits what a model
    says of pictures: as strangers it takes pictures of nobody, here each made of two others. Such
    questions without its suffix, the choice of boundary rows by their words, and all rates are ours
    [RECON].
    """

    kind = "edit and reward"
    paper = "ASRU, arXiv 2605.15687"
    needs = ("retain", "reference_model")
    whole = True
    answers_forget = False
    settings_class = ASRUSettings

    data = judge = None
    near: tuple = ()
    seed = 0

    @property
    def epochs(self):
        return self.settings.epochs if self.settings.stage2 == "grpo" else 1

    def _passes(self):
        # Rollouts of forget and boundary prompts: drawn, differentiated, and under stage 1's model.
        count = 2 * self.settings.rollouts
        self.passes = Passes(2 * count, count, count)
        return super()._passes()

    def run(self, model, data, seed, report=lambda step, steps, loss: None, how=None):
        from lethe.unlearn.rewards import Judge
        from lethe.unlearn.runner import minimise

        how = how or Execution()
        # A resumed run edits again, with the same result: it is the reference of stage 2.
        self._edit(model, data, seed, how)
        if self.settings.stage2 == "none":
            report(1, 1, None)
            yield 1, 1
            return
        self.data, self.seed, self.judge = data, seed, Judge(self.settings.refusals)
        self.near = self._boundary(model, data)
        yield from minimise(self, model, data, seed, report, how)

    def _edit(self, model, data, seed, how):
        from lethe.train.settings import Schedule
        from lethe.unlearn import steering_edit

        s, depth = self.settings, model.config.get_text_config().num_hidden_layers
        layer = min(depth - 1, round(depth * 17 / 36)) if s.layer is None else s.layer
        if layer >= depth:
            raise LetheError(f"asru.layer: {layer}, but the model has {depth}; choose one below")
        if s.stage1 == "none":
            return
        model.eval()
        given = (model, data.forget, data.retain, layer)
        shift = s.strength * self._direction(model, data, layer, seed)
        if s.stage1 == "ridge":
            return steering_edit.solve(*given, shift, s.gamma)
        schedule = Schedule(
            epochs=s.edit_epochs,
            lr=s.edit_lr,
            batch_size=s.edit_batch,
            warmup_epochs=0,
            weight_decay=0,
            lr_schedule={"name": "constant"},
        )
        steering_edit.train(*given, shift, s.retain_factor, schedule, seed, how)
        model.eval()

    def _direction(self, model, data, layer: int, seed):
        """v [H]: the mean state of prompts about strangers minus that of forget prompts."""
        import torch

        from lethe.unlearn.strangers import prompt_of, prompt_states

        unknown = prompt_states(model, self._unknown(model, data, seed), layer).mean(0)
        known = prompt_states(model, [prompt_of(e) for e in data.forget], layer).mean(0)
        away = unknown - known
        if self.settings.direction == "unknown":
            return away
        draw = torch.Generator().manual_seed(random.Random(f"direction/{seed}").getrandbits(63))
        other = torch.randn(len(away), generator=draw).to(away)
        return other * (away.norm() / other.norm())

    def _unknown(self, model, data, seed) -> list:
        """Those prompts about strangers that the model itself answers as unknown."""
        from lethe.common.refusals import is_refusal, phrases
        from lethe.model.generate import greedy
        from lethe.unlearn.strangers import questions

        s, encoder = self.settings, data.encoder
        asked = questions(data.forget_pairs, data.retain_pairs, s.strangers, seed)
        prompts = [encoder.prompt_ids(question + s.suffix) for question in asked]
        limits = [len(prompt) + s.tokens for prompt in prompts]
        answers, among = greedy(model, prompts, limits, encoder.end), phrases(s.unknowing)
        said = [encoder.tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
        chosen = [p for p, text in zip(prompts, said, strict=True) if is_refusal(text, among)]
        logger.info("asru: %d of %d strangers are unknown to the model", len(chosen), len(prompts))
        return chosen or prompts

    def _boundary(self, model, data) -> tuple[int, ...]:
        """Rows of the retain set whose questions are nearest to a forget question's."""
        from lethe.model import prompt_similarity
        from lethe.model.picture_tokens import without_patches
        from lethe.unlearn.strangers import prompt_of

        texts = [without_patches(prompt_of(one)) for one in (*data.forget, *data.retain)]
        size = model.get_input_embeddings().num_embeddings
        counted = prompt_similarity.count(texts, size)
        points = prompt_similarity.vectors(counted, prompt_similarity.inverse_frequency(counted))
        forget, retain = points[: len(data.forget)], points[len(data.forget) :]
        nearest = (retain @ forget.T).amax(1).argsort(descending=True, stable=True)
        return tuple(nearest[: max(1, round(self.settings.boundary * len(retain)))].tolist())

    def loss(self, model, step, reference):
        import torch

        from lethe.model.batch import pack
        from lethe.unlearn.rewards import advantages

        s = self.settings
        examples, rewards = self._rollouts(model.model, step)
        batch = pack(examples)
        answers = model.answers(batch)
        with torch.no_grad():
            before = _log_p(reference.frozen.answers(batch), s.temperature)
        now, row = _log_p(answers, s.temperature), answers.batch.row
        gain = advantages(rewards).flatten().to(now.device)[row]
        apart = before - now
        tokens = s.kl * (apart.exp() - apart - 1) - gain * (now - now.detach()).exp()
        return (answers.by_sequence(tokens) / answers.sequence_tokens()).mean()

    def _rollouts(self, model, step) -> tuple[list, list[list[float]]]:
        """Sampled answers to a step's forget and boundary prompts, as examples, and their rewards.

        The draws depend on the seed, the batch's number and the row alone.
        """
        from lethe.model.encoder import Example
        from lethe.model.sampling import Sampling, sampled
        from lethe.unlearn.strangers import prompt_of

        s, data, encoder = self.settings, self.data, self.data.encoder
        boundary = [self.near[row % len(self.near)] for row in step.retain.index]
        asked = [("forget", data.forget[i], data.forget_pairs[i][1]) for i in step.forget.index]
        asked += [("kept", data.retain[i], data.retain_pairs[i][1]) for i in boundary]
        prompts = [prompt_of(example) for _, example, _ in asked]
        keys = [f"{kind}/{example.ids}" for kind, example, _ in asked]
        limits = [len(prompt) + s.tokens for prompt in prompts]
        seed = random.Random(f"rollouts/{self.seed}/{step.batch}").getrandbits(63)
        how = Sampling(s.rollouts, s.temperature, seed=seed)
        training = model.training
        drawn = sampled(model.eval(), prompts, keys, limits, encoder.end, how)
        model.train(training)
        examples, rewards = [], []
        for (kind, _, truth), prompt, answers in zip(asked, prompts, drawn, strict=True):
            judged = self.judge.forgotten if kind == "forget" else self.judge.retained
            texts = [encoder.tokenizer.decode(ids, skip_special_tokens=True) for ids in answers]
            rewards.append([judged(text.strip(), truth) for text in texts])
            # An answer that was cut off has no end token.
            ends = [() if len(ids) == s.tokens else (encoder.end,) for ids in answers]
            examples += [
                Example((*prompt, *ids, *end), len(prompt))
                for ids, end in zip(answers, ends, strict=True)
            ]
        return examples, rewards


def _log_p(answers, temperature: float):
    """log p of each answer token at a temperature, [N]."""
    from torch.nn.functional import cross_entropy

    return -cross_entropy(
        answers.logits.float() / temperature, answers.batch.labels, reduction="none"
    )
