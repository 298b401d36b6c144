"""Clipping gradients: what it does, what it costs, and what it does not cure."""
