"""Text that takes a highlighter a time that grows with its square."""

x = 1
BLANK_LINES
x = 2
