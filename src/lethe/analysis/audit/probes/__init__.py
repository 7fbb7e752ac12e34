"""Probes of an audit, one file each, found by name."""
