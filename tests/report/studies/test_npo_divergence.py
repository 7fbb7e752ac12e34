"""NPO's synthetic study: gradient ascent diverges linearly, NPO logarithmically."""

import numpy as np
import pytest

from lethe.report.studies import npo as study


@pytest.fixture(scope="module")
def table():
    return study.build()


def test_gradient_ascent_diverges_linearly_and_npo_logarithmically(table):
    shares = {
        beta: {law: study.fit(study.course(table, "divergence", beta), law)[1] for law in LAWS}
        for beta in (0.0, 1.0)
    }
    assert shares[0.0][study.linear] > 0.9999
    assert shares[0.0][np.log] < 0.95
    assert shares[1.0][np.log] > 0.999
    assert shares[1.0][study.linear] < 0.95


LAWS = (study.linear, np.log)


def test_npo_becomes_gradient_ascent_as_beta_goes_to_0(table):
    ends = [study.course(table, "beta", beta)["distance"].iloc[-1] for beta in study.BETAS]
    ascent = study.course(table, "beta", 0.0)["distance"].iloc[-1]
    assert ends == sorted(ends)
    assert ends[-1] < ascent
    signed, start = study.prepared(study.Problem())
    courses = [study.distances(signed, start, beta, 5e-4, 200, 200) for beta in (1e-6, 0.0)]
    np.testing.assert_allclose(*courses, rtol=1e-4)


def test_the_steps_descend_on_npos_loss():
    """Against the loss' gradient by differences: (2/beta) mean log(1 + (p / p_ref)^beta)."""
    signed, start = study.prepared(study.Problem())
    beta, lr, before = 0.5, 1e-3, study.log_p(signed @ start)
    head = start + 0.01

    def loss(at):
        gain = study.log_p(signed @ at) - before
        return 2 / beta * np.logaddexp(0, beta * gain).mean()

    eye = 1e-5 * np.eye(len(head))
    slope = np.array([(loss(head + e) - loss(head - e)) / 2e-5 for e in eye])
    now = study.log_p(signed @ head)
    weights = study.npo_weights(now - before, beta) * -np.expm1(now)
    np.testing.assert_allclose(weights @ signed / len(signed), slope, rtol=1e-4, atol=1e-7)
    # One step from the start moves by the gradient there, where W is 1.
    first = study.distances(signed, start, beta, lr, 1, 1)[0]
    wrong = -np.expm1(before)
    assert first == pytest.approx(lr * np.linalg.norm(wrong @ signed / len(signed)))


def test_the_model_before_knows_the_forget_set():
    signed, start = study.prepared(study.Problem())
    assert (signed @ start > 0).mean() > 0.9


def test_the_figure_shows_courses_and_fits(table):
    left, right = study.draw(table).axes
    labels = [line.get_label() for line in left.lines]
    assert labels[::2] == ["Grad. Ascent", "NPO"]
    assert labels[1].startswith("a + b t, R² = 1.0000")
    assert labels[3].startswith("a + b log t, R² = 0.999")
    assert len(right.lines) == len(study.BETAS) + 1
