"""Warmup and decay."""
