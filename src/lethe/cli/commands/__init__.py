"""Commands of ``lethe`` that have more than a few options, one file each: ``add`` declares one."""
