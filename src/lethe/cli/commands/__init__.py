"""Commands of ``lethe`` with more than a few options, one file each; ``add`` declares one."""
