"""Markup in names, in text, in comments: SCRIPTMARK must not run on anybody's page."""

# <script>document.title = "SCRIPTMARK"</script>
name = "</pre></div><script>document.title = 'SCRIPTMARK'</script><img src=x onerror=\"document.title='SCRIPTMARK'\">"


def clip_grad_norm(parameters, max_norm):
    raise NotImplementedError(name)


# %% own_words
<script>document.title = "SCRIPTMARK"</script>
<img src="x" onerror="document.title='SCRIPTMARK'">
<a href="javascript:document.title='SCRIPTMARK'">click</a>
<iframe srcdoc="<script>parent.document.title='SCRIPTMARK'</script>"></iframe>
