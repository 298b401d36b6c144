"""Spikes: their causes, the alarms that see them, and going back."""
