"""Where the per-file work runs: in this process, in worker processes, or on a dask cluster.

The work is one pure, picklable function of one batch; results come back in the order the batches were
handed in, whatever finished first, so that a ledger does not depend on the number of workers. Who does not
need the order may have each result as soon as it is there, so that one slow batch holds nothing back. Only
a few batches are under way at once, so memory does not grow with the history. Workers are spawned afresh on
every system: forking a process that has polars threads can deadlock, and spawn behaves alike everywhere.
Instead of: a scheduler of our own, or threads (the work is Python between short numpy calls).
"""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from kneeledger.errors import ConfigError, WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["ARITHMETIC", "default_jobs", "run"]

Batch = TypeVar("Batch")
Outcome = TypeVar("Outcome")

ARITHMETIC = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
"""Environment, before numpy is imported, in which products of matrices take one thread. Ours are small: more threads
gain nothing, and wait for the next product in a busy loop that took a third of all processor time."""
WORKERS = {**ARITHMETIC, "POLARS_MAX_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
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
    in_order: bool = True,
) -> Iterator[Outcome]:
    """``work(batch)`` for each batch.

    Parameters
    ----------
    work
        A module-level function; the batch and what it returns are pickled.
    batches
        Taken lazily, a few ahead of the results.
    jobs
        1 runs in this process; more spawn so many workers where there is more than one batch.
    cluster
        Address of a dask scheduler, ``tls://...`` or on the loopback; whoever reaches a scheduler can
        run code on it.
    in_order
        Results in the order of the batches; false gives each as it is done.

    Raises
    ------
    ConfigError
        The address is neither TLS nor loopback, or dask is not installed.
    WorkerError
        A worker was ended from outside; on a cluster, each that tried the same batch.
    """
    if cluster:
        yield from _on_cluster(work, batches, cluster, in_order=in_order)
    elif jobs <= 1:
        for batch in batches:
            yield work(batch)
    else:
        waiting = iter(batches)
        first = list(islice(waiting, 2))
        if len(first) < 2:  # done here before a worker has started
            yield from map(work, first)
            return
        yield from _in_processes(work, chain(first, waiting), jobs, in_order=in_order)


def _in_processes(
    work: Callable[[Batch], Outcome], batches: Iterable[Batch], jobs: int, *, in_order: bool
) -> Iterator[Outcome]:
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent)

    def submit(batch: Batch) -> "Future[Outcome]":
        return pool.submit(work, batch)

    def first_done(some: Collection[Any]) -> Collection[Any]:
        return wait(some, return_when=FIRST_COMPLETED).done

    try:
        with _environment(WORKERS), pool:
            yield from _results(submit, batches, jobs * AHEAD, None if in_order else first_done)
    except BrokenProcessPool as error:
        raise _ended() from error


def _end_with_parent() -> None:
    """In a worker: Ctrl-C ends it without a word, and it goes when the process that started it has gone.

    When nothing is left to do it goes at once: to take polars down first costs a tenth of a second.
    """
    import signal
    from multiprocessing import parent_process, util
    from threading import Thread

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for what a script runs in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    util.Finalize(None, os._exit, args=(0,), exitpriority=-100)  # its last result is handed over by then
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)  # nobody is left to take a result or to be told

    Thread(target=watch, daemon=True).start()


def _ended() -> WorkerError:
    return WorkerError(
        "A worker process was ended from outside, perhaps because memory ran out.",
        hint="Run the same command again, with --jobs 1 if it happens again; what was done is kept.",
    )


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


def _results(
    submit: Callable[[Batch], Any],
    batches: Iterable[Batch],
    ahead: int,
    first_done: Callable[[Collection[Any]], Collection[Any]] | None,
) -> Iterator[Any]:
    """Result of each batch, with at most `ahead` under way or not yet taken.

    Without `first_done` in order; with it, which waits for some of the futures it is given, as they are done.
    """
    waiting: deque[Any] = deque()
    done: deque[Any] = deque()

    def one() -> Any:
        if first_done is None:
            return waiting.popleft().result()
        if not done:
            done.extend(first_done(waiting))
            for future in done:
                waiting.remove(future)
        return done.popleft().result()

    try:
        for batch in batches:
            waiting.append(submit(batch))
            if len(waiting) + len(done) >= ahead:
                yield one()
        while waiting or done:
            yield one()
    finally:
        for future in waiting:
            future.cancel()


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, as a number: the name 127.example.org may be anywhere."""
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _on_cluster(
    work: Callable[[Batch], Outcome], batches: Iterable[Batch], address: str, *, in_order: bool
) -> Iterator[Outcome]:
    from urllib.parse import urlsplit

    if urlsplit(address).scheme != "tls" and not _is_loopback(urlsplit(address).hostname or ""):
        raise ConfigError(
            f"--cluster {address}: outside this machine only tls:// with certificates is accepted.",
            hint="Whoever reaches a scheduler can run code on its workers.",
        )
    try:
        from distributed import Client, KilledWorker, wait
    except ImportError as error:
        raise ConfigError(
            "--cluster needs dask.distributed.", hint="Install it with: pip install 'kneeledger[dask]'"
        ) from error
    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        width = max(1, sum(client.nthreads().values()))

        def submit(batch: Batch) -> Any:
            return client.submit(work, batch, pure=False, retries=3)

        def first_done(some: Collection[Any]) -> Collection[Any]:
            with client.as_current():  # `wait` asks the client of its context
                found: Collection[Any] = wait(list(some), return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]
            return found

        try:
            yield from _results(submit, batches, width * AHEAD, None if in_order else first_done)
        except KilledWorker as error:
            raise _ended() from error
