"""Half a surrogate pair, null characters, and the longest line."""

text = "\ud800 \x00 \u202e"
''' LONE_SURROGATE NULL_CHARACTER '''


def clip_grad_norm(parameters, max_norm):
    raise type("\ud800", (Exception,), {})("\ud800\x00")
