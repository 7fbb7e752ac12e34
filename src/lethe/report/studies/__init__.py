"""Studies of methods where their theory can be seen: small problems without a language model."""
