"""Tables, figures, the exhibits of papers, and studies."""
