"""What papers claim about the methods that Lethe has (and some that it will have).

Claims are stated as in the papers, not as our runs turn out: one that fails is a result, about the
method on a small model as much as about its settings here. Run names are those of
``config/methods.yaml``.
"""

from collections.abc import Sequence

from lethe.analysis.claims.claim import Claim, Runs

NPO, MSA, GUARD = "NPO, 2404.05868", "MSA, 2506.20941", "GUARD-IT, 2605.12765"
ZERO, OFMU, D2U = "ZeroUnlearn, 2605.18879", "OFMU, 2509.22483", "Downgrade to Upgrade, 2510.00761"
MPU, FINCH, ODDS = "MPU, 2602.23798", "FINCH, 2605.20005", "Defenses at Odds, 2605.14514"
GRU = "GRU, 2503.09117"
BAO, PROMPTS = "PPU-Bench (BAO), 2605.08800", "VLM-UnBench, 2604.03114"
NULL = "Null-space contrastive forgetting, 2605.05909"
SIGNIFICANT = 0.05
# A difference in probability that is also seen between two equally good models.
CLOSE = 0.05
UNIT = "an exact property, held by a unit test: "


def _below(runs: Runs, names: Sequence[str]) -> float:
    """The highest p that any of the named runs reaches."""
    return max(runs.best_quality(name) for name in names)


CLAIMS = (
    Claim(
        NPO,
        "as β goes to 0 its gradient is gradient ascent's",
        reason=UNIT + "tests/unlearn/test_loss_formulas.py",
    ),
    Claim(
        NPO,
        "where it forgot as much as gradient ascent it keeps at least as much retain utility",
        ("npo", "grad_ascent"),
        lambda r: r.lead("npo", "grad_ascent"),
        "≥",
    ),
    Claim(
        NPO,
        "gradient ascent's utility collapses: share of retain utility kept",
        ("grad_ascent", "full"),
        lambda r: r.utility("grad_ascent") / max(r.utility("full"), 1e-12),
        "<",
        0.5,
    ),
    Claim(
        NPO,
        "gradient ascent diverges linearly, NPO logarithmically",
        reason="without a language model: snakemake npo_study (docs/figures.md)",
    ),
    Claim(
        NPO,
        "NPO + retain reaches p > 0.05 at some epoch",
        ("npo_retain",),
        lambda r: r.best_quality("npo_retain"),
        ">",
        SIGNIFICANT,
    ),
    Claim(
        NPO,
        "gradient ascent, gradient difference and KL minimisation never do: highest p",
        ("grad_ascent", "grad_diff", "kl_min"),
        lambda r: _below(r, ("grad_ascent", "grad_diff", "kl_min")),
        "<",
        SIGNIFICANT,
    ),
    Claim(
        NPO,
        "it keeps utility when 20% and 50% are to be forgotten",
        reason="needs the splits forget20 and forget50: --config 'splits=[forget20, forget50]'",
    ),
    Claim(
        MSA,
        "its Acc_recover is above NPO's, RMU's and gradient difference's (judge: ROUGE-L F1): lead "
        "over the best of them",
        ("msa", "npo", "rmu", "grad_diff"),
        lambda r: (
            r.end("msa", "recovery", "acc_recover")
            - max(r.end(n, "recovery", "acc_recover") for n in ("npo", "rmu", "grad_diff"))
        ),
        ">",
    ),
    Claim(
        MSA,
        "a vector from the model under test itself is worse: MSA's lead in retain utility over the "
        "task vector where it forgot as much",
        ("msa", "task_vector"),
        lambda r: r.lead("msa", "task_vector"),
        ">",
    ),
    Claim(
        MSA,
        "without retain vector it is still competitive: share of MSA's retain utility",
        ("msa", "msa_forget"),
        lambda r: r.utility("msa_forget") / max(r.utility("msa"), 1e-12),
        ">",
        0.9,
    ),
    Claim(
        MSA,
        "an older prior checkpoint does worse: lead of the base in retain utility over the same "
        "half-way through its training, where that forgot as much",
        ("msa", "msa_older"),
        lambda r: r.lead("msa", "msa_older"),
        ">",
    ),
    Claim(
        MSA,
        "with the full model's own update and the oracle's it gives back the oracle",
        reason=UNIT + "tests/unlearn/test_weight_arithmetic.py",
    ),
    Claim(
        D2U,
        "relearning gives back less after sign-Adam than after Adam (NPO): difference",
        ("npo", "npo_signadam"),
        lambda r: r.recovered("npo", "relearned") - r.recovered("npo_signadam", "relearned"),
        ">",
    ),
    Claim(
        D2U,
        "relearning gives back less after the hybrid than after Adam (NPO): difference",
        ("npo", "npo_hybrid"),
        lambda r: r.recovered("npo", "relearned") - r.recovered("npo_hybrid", "relearned"),
        ">",
    ),
    Claim(
        D2U,
        "4 bits give back less after the hybrid than after Adam (NPO): difference",
        ("npo", "npo_hybrid"),
        lambda r: r.recovered("npo", "quantised4") - r.recovered("npo_hybrid", "quantised4"),
        ">",
    ),
    Claim(
        D2U,
        "the same at equal utility; Sophia recovers most; modes are connected linearly after sign "
        "updates alone",
        reason="no calibration of utility, no second-order optimiser, no interpolated states here",
    ),
    Claim(
        GUARD,
        "what its gate lets through is untouched: largest change of real authors' and world facts' "
        "probability",
        ("guard_it", "full"),
        lambda r: max(
            abs(r.end("guard_it", "probability", s) - r.end("full", "probability", s))
            for s in ("real_authors", "world_facts")
        ),
        "<",
        1e-12,
    ),
    Claim(
        GUARD,
        "it forgets: forget probability below full's by",
        ("guard_it", "full"),
        lambda r: r.forget("full") - r.forget("guard_it"),
        ">",
    ),
    Claim(
        GUARD,
        "8 bits do not give back what it hides: forget probability rises by",
        ("guard_it",),
        lambda r: r.recovered("guard_it", "quantised8"),
        "<",
        CLOSE,
    ),
    Claim(
        GUARD,
        "4 bits give back less than of gradient ascent and NPO: difference to the lesser",
        ("guard_it", "grad_ascent", "npo"),
        lambda r: (
            min(r.recovered(n, "quantised4") for n in ("grad_ascent", "npo"))
            - r.recovered("guard_it", "quantised4")
        ),
        ">",
    ),
    Claim(
        GUARD,
        "the stronger, the more it forgets: least fall of forget probability from strength 0 to "
        "1/2 and from there to 1",
        ("guard_it", "guard_it_half", "full"),
        lambda r: min(
            r.forget("full") - r.forget("guard_it_half"),
            r.forget("guard_it_half") - r.forget("guard_it"),
        ),
        "≥",
    ),
    Claim(
        GUARD,
        "weights are as before, ungated inputs bit-identical, norms kept",
        reason=UNIT + "tests/unlearn/test_guard_it.py",
    ),
    Claim(
        ZERO,
        "the answer becomes unlikely (Eff): forget probability below full's by",
        ("zero_unlearn", "full"),
        lambda r: r.forget("full") - r.forget("zero_unlearn"),
        ">",
    ),
    Claim(
        ZERO,
        "its paraphrase as well (Gen): below full's by",
        ("zero_unlearn", "full"),
        lambda r: (
            r.end("full", "paraphrased_probability", "forget")
            - r.end("zero_unlearn", "paraphrased_probability", "forget")
        ),
        ">",
    ),
    Claim(
        ZERO,
        "at near-constant perplexity, where gradient ascent's explodes: its share of retain "
        "probability kept, less gradient ascent's",
        ("zero_unlearn", "grad_ascent", "full"),
        lambda r: (
            (
                r.end("zero_unlearn", "probability", "retain")
                - r.end("grad_ascent", "probability", "retain")
            )
            / r.end("full", "probability", "retain")
        ),
        ">",
    ),
    Claim(
        ZERO,
        "edited values are orthogonal to the sensitive ones; without forget weight nothing changes",
        reason=UNIT + "tests/unlearn/test_zero_unlearn.py",
    ),
    Claim(
        OFMU,
        "where it forgot as much as gradient difference it keeps at least as much retain utility",
        ("ofmu", "grad_diff"),
        lambda r: r.lead("ofmu", "grad_diff"),
        "≥",
    ),
    Claim(
        OFMU,
        "in the end its gradients on forget and retain set are less aligned",
        reason="needs the gradients of both sets at the end, which no suite records",
    ),
    Claim(
        MPU,
        "perturbed copies cost less than 1%: change of forget probability against plain NPO",
        ("npo_mpu", "npo"),
        lambda r: abs(r.forget("npo_mpu") - r.forget("npo")),
        "<",
        0.01,
    ),
    Claim(
        MPU,
        "and of retain utility",
        ("npo_mpu", "npo"),
        lambda r: abs(r.utility("npo_mpu") - r.utility("npo")),
        "<",
        0.01,
    ),
    Claim(
        MPU,
        "noise cancels and transforms preserve logits; naive averaging is worse",
        reason=UNIT + "tests/unlearn/test_mpu.py; naive averaging is not built",
    ),
    Claim(
        FINCH,
        "where it forgot as much it keeps more than with the linear schedule (NPO)",
        ("npo_finch", "npo"),
        lambda r: r.lead("npo_finch", "npo"),
        ">",
    ),
    Claim(
        FINCH,
        "fine-tuning on new data forgets less of the old",
        reason="the paper's own setting is not run here: its rate is tried on unlearning",
    ),
    Claim(
        GRU,
        "the projected gradient keeps more where it forgot as much (gradient ascent)",
        ("grad_ascent_gru", "grad_ascent"),
        lambda r: r.lead("grad_ascent_gru", "grad_ascent"),
        ">",
    ),
    Claim(
        BAO,
        "the boundary loss keeps more where it forgot as much (gradient difference)",
        ("grad_diff_bao", "grad_diff"),
        lambda r: r.lead("grad_diff_bao", "grad_diff"),
        ">",
    ),
    Claim(
        BAO,
        "it raises what is kept of the same subjects",
        reason="needs splits that forget some facts of an author, which this world has not",
    ),
    Claim(
        NULL,
        "without the projection more is lost: its lead in retain utility over gradient ascent "
        "where it forgot as much",
        ("grad_ascent_null_space", "grad_ascent"),
        lambda r: r.lead("grad_ascent_null_space", "grad_ascent"),
        ">",
    ),
    Claim(
        NULL,
        "outputs on retain inputs are unchanged to float precision",
        reason=UNIT + "tests/unlearn/test_wrappers.py",
    ),
    Claim(
        PROMPTS,
        "soft and medium instructions hardly change anything: largest fall of forget probability",
        ("prompt", "prompt_medium", "full"),
        lambda r: r.forget("full") - min(r.forget("prompt"), r.forget("prompt_medium")),
        "<",
        CLOSE,
    ),
    Claim(
        PROMPTS,
        "only the one that names the answer does: its fall of forget probability",
        ("prompt_oracle", "full"),
        lambda r: r.forget("full") - r.forget("prompt_oracle"),
        ">",
        CLOSE,
    ),
    Claim(
        ODDS,
        "a second defence brings back what the first removed; freezing the layers in conflict less",
        reason="needs two forget sets in sequence: a run that starts from another's end",
    ),
)
