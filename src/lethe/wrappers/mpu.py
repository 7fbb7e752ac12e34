"""MPU: unlearn perturbed copies of a model, and join their updates so that the noise cancels."""

import copy
import dataclasses
import random

from pydantic import Field

from lethe.errors import LetheError
from lethe.wrappers import base


class Settings(base.Settings):
    """``copies``: perturbed models of a round; ``noise``: relative to the model's own update.

    ``round_epochs``: epochs that a copy is trained before the copies are joined; ``server_rate``:
    how much of the joined update is taken; ``transforms``: whether copies are reparametrised, too.
    The paper: 10 rounds of 1 epoch for SimNPO, DPO and SatImp, 1 of 10 for gradient ascent,
    gradient difference and UNDIAL, 2 of 5 for NPO and WGA.
    """

    copies: int = Field(2, ge=2)
    noise: float = Field(0.01, ge=0)
    round_epochs: int = Field(1, ge=1)
    server_rate: float = Field(1.0, gt=0)
    transforms: bool = True


class Wrapper(base.Wrapper):
    """Rounds of: copies T_k(theta + eps_k), unlearned apart, their updates D_k joined.

    eps_k = a_k sqrt(m / (m-1)) (z_k - mean z), z_k normal with standard deviation noise times the
    root mean square of a layer's update since the base; a_k = 1 + (k-1) / (m-1), so that the sum of
    eps_k / a_k is 0. T_k leaves the function as it is. theta <- theta + server_rate (sum D_k / a_k)
    / (sum 1 / a_k), D_k the copy's update carried back by the inverse of T_k: what the noise does
    to the updates cancels to first order (harmonic denoising).

    A round's copies see the data in the same order; the schedule begins anew with each round. A
    reference is the copy at the round's beginning, since who trains it knows no other model. The
    checkpoint of an epoch within a round joins the copies as they then are.
    """

    kind = "protocol"
    paper = "MPU, arXiv 2602.23798"
    needs = ("prior",)
    Settings = Settings

    def check(self, method, name):
        epochs, own = method.settings.epochs, self.settings.round_epochs
        if epochs % own:
            raise LetheError(f"{name}.round_epochs: {own} does not divide the {epochs} epochs")

    def of_step(self, method, passes):
        return passes.times(self.settings.copies)

    def around(self, run):
        def rounds(method, model, data, seed, report, *rest):
            s, counter = self.settings, _Counter(report, method, self.settings)
            short = method.changed(epochs=s.round_epochs)
            # A loss known of the model itself is none of a copy's.
            given = dataclasses.replace(data, forget_nll=None)
            for number in range(method.settings.epochs // s.round_epochs):
                order = f"{seed}/round{number}" if number else seed
                server = _Round(s, model, data, order)
                for k in range(s.copies):
                    client, join = server.publish(k)
                    for epoch, _ in run(short, client, given, order, counter.part(), *rest):
                        join(epoch)
                for epoch in range(1, s.round_epochs + 1):
                    server.leave(epoch)
                    yield number * s.round_epochs + epoch, counter.step(number, epoch)

        return rounds


class _Counter:
    """Steps of the whole run, from those of each copy's."""

    def __init__(self, report, method, settings):
        self.report, self.copies, self.epochs = report, settings.copies, settings.round_epochs
        self.parts = method.settings.epochs // self.epochs * self.copies
        self.begun, self.per_part = -1, 0

    def part(self):
        """What reports the steps of the next copy."""
        self.begun += 1

        def told(step, steps, loss):
            self.per_part = steps
            self.report(self.begun * steps + step, self.parts * steps, loss)

        return told

    def step(self, number: int, epoch: int) -> int:
        """Steps of a copy up to an epoch of a round, in all rounds."""
        return self.per_part * number + self.per_part * epoch // self.epochs


class _Round:
    """One round: the server's weights, the copies that it publishes, and what they come to."""

    def __init__(self, settings, model, data, seed):
        from lethe.arithmetic import weights

        self.settings, self.model, self.data, self.seed = settings, model, data, seed
        self.server = weights(model)
        base_weights = weights(data.prior().to(model.device))
        self.spread = deviations(model, self.server, base_weights, settings.noise)
        self.joined = [dict.fromkeys(self.server, 0.0) for _ in range(settings.round_epochs)]

    def publish(self, k: int):
        """A perturbed copy, and what joins its update at the end of an epoch."""
        from lethe.arithmetic import combine, weights

        s = self.settings
        transform = self._transform(k)
        noise = perturbations(self.server, self.spread, k, s.copies, self.seed)
        published = transform({n: w + noise[n] for n, w in self.server.items()})
        client = copy.deepcopy(self.model)
        combine(client, published, [])
        if s.transforms:
            self._check(transform)

        def join(epoch: int) -> None:
            now = weights(client)
            update = transform({n: now[n] - published[n] for n in now}, inverse=True)
            sums = self.joined[epoch - 1]
            for name, change in update.items():
                sums[name] = sums[name] + change / amplitude(k, s.copies)

        return client, join

    def leave(self, epoch: int) -> None:
        """Put the server's weights and what was joined up to an epoch into the model."""
        from lethe.arithmetic import combine

        s = self.settings
        share = s.server_rate / sum(1 / amplitude(k, s.copies) for k in range(s.copies))
        sums = self.joined[epoch - 1]
        combine(self.model, {n: w + share * sums[n] for n, w in self.server.items()}, [])

    def _transform(self, k: int):
        from lethe.reparametrise import Reparametrisation

        if not self.settings.transforms:
            return lambda values, inverse=False: values
        return Reparametrisation(self.model, f"{self.seed}/{k}")

    def _check(self, transform) -> None:
        """A family of models whose positions work otherwise would be changed without a word."""
        import torch

        from lethe.arithmetic import combine
        from lethe.forward import Forward
        from lethe.packing import pack

        turned = copy.deepcopy(self.model)
        combine(turned, transform(self.server), [])
        batch = pack(self.data.forget[:2])
        with torch.no_grad():
            before, after = (Forward(m.eval()).answers(batch).logits for m in (self.model, turned))
        if float((before - after).norm()) > 1e-2 * float(before.norm()):
            raise LetheError(
                f"mpu: {type(self.model).__name__} is another function after the transforms; "
                "set transforms: false"
            )


def amplitude(k: int, copies: int) -> float:
    """a_k of the copy ``k``, from 0: evenly from 1 to 2."""
    return 1 + k / (copies - 1)


def deviations(model, server: dict, before: dict, noise: float) -> dict[str, float]:
    """By parameter ``noise`` times the root mean square of its layer's update since the base.

    Parameters outside of the decoder's layers are layers of their own.
    """
    from lethe.forward import decoder_layers

    inner = {id(layer) for layer in decoder_layers(model)}
    prefixes = [f"{name}." for name, module in model.named_modules() if id(module) in inner]
    groups: dict[str, list[str]] = {}
    for name in server:
        group = next((prefix for prefix in prefixes if name.startswith(prefix)), name)
        groups.setdefault(group, []).append(name)
    found = {}
    for names in groups.values():
        squares = sum(float((server[n] - before[n]).double().square().sum()) for n in names)
        size = sum(server[n].numel() for n in names)
        found |= dict.fromkeys(names, noise * (squares / size) ** 0.5)
    return found


def perturbations(
    server: dict, spread: dict[str, float], k: int, copies: int, seed: int | str
) -> dict:
    """eps_k of every parameter; each is drawn for all copies at once, so that they sum to 0."""
    import torch

    found = {}
    for name, weight in server.items():
        draw = torch.Generator()
        draw.manual_seed(random.Random(f"perturbation/{seed}/{name}").getrandbits(63))
        z = torch.randn(copies, *weight.shape, generator=draw)
        own = (copies / (copies - 1)) ** 0.5 * (z[k] - z.mean(0))
        found[name] = (amplitude(k, copies) * spread[name] * own).to(weight)
    return found
