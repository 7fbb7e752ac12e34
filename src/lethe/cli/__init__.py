"""The commands of ``lethe``, one file each."""
