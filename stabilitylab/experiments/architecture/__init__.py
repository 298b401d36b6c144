"""Norms, initialisation and other choices of the architecture."""
