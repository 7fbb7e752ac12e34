"""Small logs in the format of TOFU's authors, with losses that are easy to follow."""


def evaluated_set(n: int, wrong: int, loss: float = 0.5) -> dict:
    """The columns of a set of ``n`` items with ``wrong`` wrong answers each."""

    def by_item(value):
        return {str(item): value(item) for item in range(n)}

    return {
        "avg_gt_loss": by_item(lambda item: loss + item),
        "num_token_gt": by_item(lambda item: 4),
        "avg_paraphrased_loss": by_item(lambda item: loss + 0.5 + item),
        "num_token_paraphrased": by_item(lambda item: 5),
        "average_perturb_loss": by_item(lambda item: [2.0 + item + j for j in range(wrong)]),
        "num_token_perturb": by_item(lambda item: [6] * wrong),
        "generated_text": by_item(lambda item: [f"[INST] Who is {item}? [/INST]", "Ada", "Ada"]),
    }


def official(items: int = 3, loss: float = 0.5) -> dict:
    """A whole log; ``loss``: of the first forget item's answer."""
    return {
        "eval_log.json": evaluated_set(items, 5),
        "eval_log_forget.json": evaluated_set(items, 5, loss),
        "eval_real_author_wo_options.json": evaluated_set(items, 3),
        "eval_real_world_wo_options.json": evaluated_set(items, 3),
    }
