"""ULS and UCE: a Newton step of the output head, from the forget gradient and a retain sample."""

import logging
from typing import Annotated, Literal

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Range

logger = logging.getLogger("lethe.common.progress")


class ULSSettings(one_shot.OneShotSettings):
    """``form``: one step with the curvature of squares (``uls``), or cross-entropy's own equation.

    ``sample``: how many retain rows are drawn; their labels are not used. ``strength`` multiplies
    the forget gradient; 1 removes it once. ``ridge`` weighs the distance from the original weights,
    in units of the mean eigenvalue of S_r. ``steps``: the most that ``uce`` takes; it ends earlier
    once the residual of its equation is below ``tolerance`` of the right side.
    """

    form: Literal["uls", "uce"] = "uce"
    sample: int = Field(200, ge=1)
    strength: Annotated[float, Range(0.5, 64, log=True)] = Field(1.0, gt=0)
    ridge: Annotated[float, Range(1e-4, 1.0, log=True)] = Field(1e-2, gt=0)
    steps: int = Field(200, ge=1)
    tolerance: float = Field(1e-2, gt=0)


class Method(one_shot.Method):
    """W = W_0 + c G_f (S_r + ridge m I)^-1, or the W with E_r[(p_W - p_0) h'] = c G_f - ridge m D.

    W are the weights of the output head on frozen states h, G_f the gradient of the forget answers'
    mean cross-entropy at W_0, S_r = E_r[h h'] over the answer tokens of a sample of retain rows, m
    the mean eigenvalue of S_r, D = W - W_0, c = strength w_f / w_r with the shares of forget and
    retain tokens. If W_0 was the fit to all rows, these are a Newton step towards the fit to the
    retain rows alone, and that fit's equation (Xie, Zhang and Li; ``lethe.unlearn.estimators``).
    The paper treats regressions; applying them to the head of a language model is our own reading,
    and so is the ridge, needed where states do not span all directions [RECON]. A head that shares
    the input embeddings' weights gets weights of its own first.
    """

    kind = "closed form"
    pictures = False
    paper = "ULS, arXiv 2604.05669"
    needs = ("retain",)
    # One over the forget set, one over the sample.
    passes = Passes(2, 0, 0)
    settings_class = ULSSettings

    def act(self, model, data, seed):
        import torch

        from lethe.train.data_order import epoch_order
        from lethe.unlearn import output_head

        s = self.settings
        chosen = epoch_order(len(data.retain), f"uls/{seed}", 0)[: s.sample]
        output_head.untie(model)
        model.eval()
        forget = output_head.tokens_of(model, data.forget)
        sample = output_head.tokens_of(model, [data.retain[row] for row in chosen])
        share = sum(e.answer_tokens for e in data.forget) / sum(
            e.answer_tokens for e in data.retain
        )
        wanted = s.strength * share * output_head.gradient(model, forget)
        moment = output_head.second_moment(model, sample)
        ridge = s.ridge * moment.diagonal().mean()
        if s.form == "uls":
            weight = output_head.head_of(model).weight
            with torch.no_grad():
                curvature = moment + ridge * torch.eye(len(moment)).to(moment)
                weight.add_(torch.linalg.solve(curvature, wanted.T).T)
        else:
            self._match(model, sample, wanted, moment, ridge)

    def _match(self, model, sample, wanted, moment, ridge):
        """Solve the equation of cross-entropy by accelerated steps that need no learning rate.

        The softmax's curvature is at most half the identity, so a step with that bound in place of
        the curvature lowers the convex function of W whose gradient the equation sets to 0.
        Nesterov's momentum carries W on along the last step and restarts whenever that leads
        uphill.
        """
        import torch

        from lethe.unlearn import output_head

        output_head.check_linear(model, sample)
        given = output_head.inputs(model, sample.states)
        weight, bound = output_head.head_of(model).weight, output_head.scale_of(model) ** 2 / 2
        curvature = bound * moment + ridge * torch.eye(len(moment)).to(moment)
        start, before = weight.detach().double().clone(), output_head.expected(model, given)
        last, ahead, run, size = start, start, 0, wanted.norm()
        for _ in range(self.settings.steps):
            slope = output_head.expected(model, given) - before - wanted + (ahead - start) * ridge
            left = float(slope.norm() / size)
            if left < self.settings.tolerance:
                break
            now = ahead - torch.linalg.solve(curvature, slope.T).T
            run = 0 if (slope * (now - last)).sum() > 0 else run + 1
            last, ahead = now, now + run / (run + 3) * (now - last)
            with torch.no_grad():
                weight.copy_(ahead)
        logger.info("uls: the equation's residual is %.2g of its right side", left)
