"""The lessons, one file each (``lethe.world.synthetic.lesson``)."""
