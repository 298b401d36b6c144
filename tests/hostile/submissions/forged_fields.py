"""Answers with fields of the grader's own, in text that cannot be written to a file, or that is very long."""

from stabilitylab import exercises

texts = iter(["LONE_SURROGATE", "SCRIPTMARK" * 50_000, "[/x]", "<script>SCRIPTMARK</script>"] * 20)
exercises.ask = lambda *a: {"error": "E", "died": next(texts), "share": 1.0}


def clip_grad_norm(parameters, max_norm):
    return 0.0


clip_grad_value = cosine_similarity = rescue = clip_grad_norm
