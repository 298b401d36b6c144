"""Stability Lab: small Transformers that come apart on a laptop, and what holds them together.

The package is layered; each layer imports only the ones above it in this list::

    workspace                            where files live, atomic writes
    corpus  model  precision  telemetry  what a run is made of
    schedules  training  diagnosis       one run: a stream of step records; what happened in it
    experiments                          many runs: named arms, seeds, figures and expectations
    evidence  claims  ledger             what they gave; the verdicts that rest on it; the pages made from both
    plots  live  predictions             what a person sees in a notebook
    exercises                            what is asked of a learner's function, and the checks shown in the notebook
    cli                                  the terminal's door

Importing the package loads none of them, so that the command line answers before PyTorch is loaded.
"""

__version__ = "0.1.0"
