"""Tables, figures, the exhibits of papers, studies."""
