"""What every room needs: errors, whole files, paths, processes, the registry of plug-ins."""
