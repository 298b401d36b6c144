"""What an optimizer remembers, and how large its updates are."""
