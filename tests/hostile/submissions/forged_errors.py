"""Raises exceptions named like the grader's own, or like markup."""

from stabilitylab.exercises import RuledOut


def clip_grad_norm(parameters, max_norm):
    raise type("<script>alert('SCRIPTMARK')</script>", (Exception,), {})("<b>SCRIPTMARK</b>")


# %% clip_grad_value_code
def clip_grad_value(parameters, clip_value):
    raise type("MalformedAnswer", (Exception,), {})("died")


# %% cosine_similarity_code
def cosine_similarity(a, b):
    raise type("x" * 10**6, (Exception,), {})()
