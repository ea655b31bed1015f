"""Where the per-file work runs: in this process, in worker processes, or on a dask cluster.

The work is one pure, picklable function of one batch; results come back in the order the batches were
handed in, whatever finished first, so that a ledger does not depend on the number of workers. Only a few
batches are under way at once, so memory does not grow with the history. Workers are spawned afresh on
every system: forking a process that has polars threads can deadlock, and spawn behaves alike everywhere.
Instead of: a scheduler of our own, or threads (the work is Python between short numpy calls).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from multiprocessing import get_context
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kneeledger.errors import ConfigError

__all__ = ["default_jobs", "run"]

Batch = TypeVar("Batch")
Outcome = TypeVar("Outcome")

WORKERS = {"POLARS_MAX_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Environment of a worker. One thread for polars: there are as many workers as cores, and frames are small.
Large pages for the heap where the system offers them (read by glibc when a process starts, unknown elsewhere):
the many small arrays lie all over it, and looking up their pages takes a tenth of the time."""
AHEAD = 2
"""Batches in waiting a worker: enough to keep it busy, few enough to keep memory flat."""


def default_jobs() -> int:
    """How many worker processes to use when nobody says: the cores this process may use."""
    counted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, counted or 1)


def run(
    work: Callable[[Batch], Outcome],
    batches: Iterable[Batch],
    *,
    jobs: int = 1,
    cluster: str | None = None,
) -> Iterator[Outcome]:
    """``work(batch)`` for each batch, in order.

    Parameters
    ----------
    work
        A module-level function; the batch and what it returns are pickled.
    batches
        Taken lazily, a few ahead of the results.
    jobs
        1 runs in this process; more spawn so many workers.
    cluster
        Address of a dask scheduler, ``tls://...`` or on the loopback; whoever reaches a scheduler can
        run code on it.

    Raises
    ------
    ConfigError
        The address is neither TLS nor loopback, or dask is not installed.
    """
    if cluster:
        yield from _on_cluster(work, batches, cluster)
    elif jobs <= 1:
        for batch in batches:
            yield work(batch)
    else:
        pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
        with _environment(WORKERS), pool:
            yield from _in_order(lambda batch: pool.submit(work, batch), batches, jobs * AHEAD)


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Variables for processes that start meanwhile, where the user has not set them otherwise."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _in_order(submit: Callable[[Batch], Any], batches: Iterable[Batch], ahead: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    try:
        for batch in batches:
            waiting.append(submit(batch))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, as a number: the name 127.example.org may be anywhere."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _on_cluster(
    work: Callable[[Batch], Outcome], batches: Iterable[Batch], address: str
) -> Iterator[Outcome]:
    if urlsplit(address).scheme != "tls" and not _is_loopback(urlsplit(address).hostname or ""):
        raise ConfigError(
            f"--cluster {address}: outside this machine only tls:// with certificates is accepted.",
            hint="Whoever reaches a scheduler can run code on its workers.",
        )
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            "--cluster needs dask.distributed.", hint="Install it with: pip install 'kneeledger[dask]'"
        ) from error
    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        width = max(1, sum(client.nthreads().values()))
        yield from _in_order(
            lambda batch: client.submit(work, batch, pure=False, retries=3), batches, width * AHEAD
        )
