"""ZeroUnlearn: edit MLP matrices in closed form, so that forget keys lose their values."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Range

# Rows of a pass over the retain set.
ROWS = 64


class ZeroUnlearnSettings(one_shot.OneShotSettings):
    """``layers``, from 0; empty: about three at 16/28 to 18/28 of the depth.

    ``general_weight``, ``forget_weight``, ``mu``: weights of the retain rows' keys, of the forget
    rows' keys, and of the original weights. ``projection``: whether values lose the sensitive
    directions, at most a ``share`` of all; ``epsilon`` is what is left of them. ``position``: that
    of a key, the last token of the subject or of the prompt. ``steps`` to ``clamp``: the searches
    for values (``lethe.unlearn.closed_form``); ``kl_weight`` preserves the token after the subject.
    ``batch_size``: rows in a pass of a search.
    """

    layers: tuple[int, ...] = ()
    general_weight: float = Field(15000.0, ge=0)
    forget_weight: Annotated[float, Range(5, 5000, log=True)] = Field(50.0, ge=0)
    mu: float = Field(1.0, gt=0)
    projection: bool = True
    share: Annotated[float, Range(0.02, 0.5, log=True)] = Field(0.25, gt=0, lt=1)
    epsilon: float = Field(0.01, ge=0)
    position: Literal["subject", "last"] = "subject"
    steps: int = Field(25, ge=1)
    lr: float = Field(0.1, gt=0)
    decay: float = Field(0.5, ge=0)
    clamp: float = Field(0.75, gt=0)
    kl_weight: float = Field(0.0625, ge=0)
    batch_size: int = Field(32, ge=1)


class Method(one_shot.Method):
    """W <- D W in some layers, D = P (VK + mu W) W' [W (KK + mu I) W']^-1.

    For each forget row, a search finds a state from which the model ends at once (the neutral
    target), and another a value from which it gives the true answer (the sensitive value). D moves
    the forget keys' values towards the former, spread over the layers, and P removes the span of
    the latter from all values. E[k k'] is over all tokens of the retain rows; in the paper, of
    Wikipedia. The method is meant for some 50 facts and wide layers: with more rows, P uses the
    leading directions only.
    """

    kind = "closed form"
    pictures = False
    paper = "ZeroUnlearn, arXiv 2605.18879"
    needs = ("retain",)
    # By default, for three layers: searches, keys and states, and a pass over the retain rows each.
    passes = Passes(107, 100, 0)
    settings_class = ZeroUnlearnSettings

    def act(self, model, data, seed):
        import torch

        from lethe.common.entity_names import subjects
        from lethe.model.forward import decoder_layers
        from lethe.unlearn.closed_form import edited_layers, key_places, matrix, output_matrix

        encoder, last = data.encoder, [e.start - 1 for e in data.forget]
        places = last
        if self.settings.position == "subject":
            places = key_places(encoder, data.forget_pairs, subjects(data.forget_pairs))
        layers = edited_layers(model, self.settings.layers)
        modules = decoder_layers(model)
        wanted = self._neutral(model, data, places, modules[layers[-1]])
        for left, layer in zip(range(len(layers), 0, -1), layers, strict=True):
            module = output_matrix(modules[layer])
            keys, reached, sensitive = self._forget(
                model, data, places, module, modules[layers[-1]]
            )
            weights = matrix(module).detach().double().cpu()
            values = keys @ weights.T + (wanted - reached) / left
            moment = _second_moment(model, data.retain, module)
            edit = self._multiplier(weights, moment, keys, values, sensitive)
            with torch.no_grad():
                matrix(module).copy_(edit @ weights)

    def _multiplier(self, weights, moment, keys, values, sensitive):
        import torch

        from lethe.unlearn.closed_form import projection

        s, size = self.settings, len(weights)
        span = torch.eye(size, dtype=torch.float64)
        if s.projection:
            span = projection(sensitive, max(1, int(s.share * size)), s.epsilon)
        return self._solve(
            weights,
            moment,
            keys,
            values,
            span,
            general=s.general_weight,
            forget=s.forget_weight,
            mu=s.mu,
        )

    def _solve(self, *given, **terms):
        from lethe.unlearn.closed_form import multiplier

        return multiplier(*given, **terms)

    def _search(self):
        from lethe.unlearn.closed_form import Search

        s = self.settings
        return Search(s.steps, s.lr, s.decay, s.clamp)

    def _parts(self, model, examples, places):
        """The rows in batches, with the places of their keys."""
        from lethe.train.data_order import batches
        from lethe.unlearn.closed_form import rows

        for part in batches(range(len(examples)), self.settings.batch_size):
            chosen = [examples[row] for row in part]
            yield rows(chosen, [places[row] for row in part], model.device)

    def _neutral(self, model, data, places, module):
        """Target states at the keys, after the last edited layer: the model then ends at once."""
        import torch

        from lethe.model.encoder import Example
        from lethe.unlearn.closed_form import drift, find_shift, seen

        prompts = [example.ids[: example.start] for example in data.forget]
        ending = [Example((*ids, data.encoder.end), len(ids)) for ids in prompts]
        targets = []
        for some in self._parts(model, ending, places):
            # After the prompt's last token the target itself follows, not the original token.
            at = some.places != some.batch.predictors
            with seen(module, inputs=False) as states:
                change = drift(model, some, at)
            start = states[0][some.places]

            def penalty(hidden, change=change):
                return self.settings.kl_weight * change(hidden)

            shift = find_shift(model, module, some, self._search(), start, penalty)
            targets.append(start.double() + shift)
        return torch.cat(targets).cpu()

    def _forget(self, model, data, places, module, last):
        """A layer's keys, states after the last edited layer, sensitive values: [rows, ·] each."""
        import torch

        from lethe.model.forward import hidden_states
        from lethe.unlearn.closed_form import find_shift, matrix, seen

        keys, reached, sensitive = [], [], []
        for some in self._parts(model, data.forget, places):
            with torch.no_grad(), seen(module, True) as given, seen(last, False) as states:
                hidden_states(model, some.batch)
            key = given[0][some.places]
            value = key @ matrix(module).detach().T
            shift = find_shift(model, module, some, self._search(), value)
            keys.append(key.double().cpu())
            reached.append(states[0][some.places].double().cpu())
            sensitive.append((value.double() + shift).cpu())
        return torch.cat(keys), torch.cat(reached), torch.cat(sensitive)


def _second_moment(model, examples, module):
    """E[k k'] over all tokens of the rows, [f, f], double precision."""
    import torch

    from lethe.model.batch import pack, to_device
    from lethe.model.forward import hidden_states
    from lethe.train.data_order import batches
    from lethe.unlearn.closed_form import seen

    total, count = 0.0, 0
    for part in batches(range(len(examples)), ROWS):
        batch = to_device(pack([examples[row] for row in part]), model.device)
        with torch.no_grad(), seen(module, inputs=True) as keys:
            hidden_states(model, batch)
        own = keys[0].double()
        total, count = total + own.T @ own, count + len(own)
    return total.cpu() / count
