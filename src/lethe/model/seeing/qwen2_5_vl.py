"""Qwen2.5-VL (arXiv 2502.13923): a still picture is read and placed as in Qwen2-VL."""

from lethe.model.seeing import qwen2_vl


class Family(qwen2_vl.Family):
    """Its vision tower attends within windows, which transformers cuts itself."""
