"""One run: the text it reads, the model, the numbers it computes in, the loop, what is measured, and what happened."""
