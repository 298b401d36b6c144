"""Dask clusters: one that runs somewhere, or one of this machine's cores."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any


class Lost(ConnectionError):
    """The cluster's scheduler is gone, and with it what was not finished."""


LOCAL = "local"
"""Instead of a scheduler's address: a cluster of this machine's cores."""


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Any]:
    """A client of a Dask cluster.

    Args:
        address: of its scheduler, or ``"local"`` for one of this machine's cores.

    Raises:
        OSError: if no scheduler answers there.
    """
    from distributed import Client, LocalCluster

    # what it says of a lost scheduler, Lost says in a sentence
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if address == LOCAL:
            local = LocalCluster(n_workers=os.cpu_count() or 1, threads_per_worker=1, dashboard_address=None)
            client = stack.enter_context(Client(stack.enter_context(local)))
        else:
            try:
                client = stack.enter_context(Client(address, timeout="10s"))
            except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
                raise OSError(f"--dask is {address!r}, where no scheduler answers ({error}); try tcp://HOST:8786") from None
        yield client


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """While a cluster is waited for. What a lost worker had is done again by another one.

    Raises:
        Lost: if the scheduler is gone.
    """
    from distributed.client import ClosedClientError, FutureCancelledError
    from distributed.comm import CommClosedError

    try:
        yield
    except (ClosedClientError, FutureCancelledError, CommClosedError):
        raise Lost("the Dask scheduler is gone; start it and its workers, then do the same again") from None
