"""Writes one file without end."""

with open("large", "wb") as file:
    while True:
        file.write(b"x" * (1 << 20))
