"""The forget set by text, by picture and by both, in unseen views, and with no or another picture.

For worlds with pictures (docs/pictures.md). Unseen views are CoVUBench's comparison (arXiv
2605.03547); questions without the picture, or with another person's, are controls (VLM-UnBench).
"""

from lethe.evaluate.suites import tofu

SETS = {
    "text": "forget_by_text",
    "picture": "forget_by_picture",
    "both": "forget_by_both",
    "no_picture": "forget_no_picture",
    "other_picture": "forget_other_picture",
    "pose": "forget_view_pose",
    "scale": "forget_view_scale",
    "context": "forget_view_context",
    "style": "forget_view_style",
    "composition": "forget_view_composition",
    "retain_picture": "retain_by_picture",
    "retain_unseen": "retain_unseen",
}
# Only the views that no model learned.
OPTIONAL = ("pose", "scale", "context", "style", "composition", "retain_unseen")
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True
# They are asked and recorded as TOFU's own sets are.
check, prepare, record = tofu.check, tofu.prepare, tofu.record
