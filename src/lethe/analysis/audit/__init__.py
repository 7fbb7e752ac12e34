"""Audits: what a checkpoint still tells of what it should have forgotten, and how certainly."""
