"""What the workflow asks before and around its jobs: configuration, code digests, provenance."""
