"""What tests share: stand-ins, made-up data, fixtures, and ways to run commands."""
