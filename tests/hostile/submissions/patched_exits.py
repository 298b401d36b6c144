"""Makes the process impossible to end from inside and changes how exceptions are made."""

import builtins
import os
import sys

os._exit = sys.exit = lambda *a: None
sys.excepthook = lambda *a: None
builtins.Exception = BaseException
builtins.NameError = type("RuledIn", (BaseException,), {})
builtins.exec = builtins.compile = lambda *a, **k: None


def clip_grad_norm(parameters, max_norm):
    raise SystemExit
