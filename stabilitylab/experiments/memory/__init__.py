"""Big batches in small memory: accumulation and checkpointing."""
