"""Half precision: what fp16 and bf16 lose, and loss scaling."""
