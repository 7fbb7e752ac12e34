"""Lethe: a laboratory for machine unlearning.

Importing the package imports nothing heavy; each module loads what it needs.
"""
