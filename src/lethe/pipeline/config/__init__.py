"""The configuration: reading it strictly, checking it, and looking up each part's settings."""
