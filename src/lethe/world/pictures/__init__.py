"""Pictures of a world's authors, and the questions that are asked with them (docs/pictures.md)."""
