"""The same work in this process, in processes and on a cluster: order, laziness, what is refused."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kneeledger import executors
from kneeledger.errors import ConfigError, WorkerError

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"


WORK = """
import os
import time


def square(number):
    time.sleep(0.02 * (3 - number % 4))  # the slower the smaller: results would come out of order
    return number * number


def fails(number):
    if number == 3:
        raise ValueError("three")
    return number


def own_pid(number):
    time.sleep(0.5)
    return number, os.getpid()


def waits(task):  # the first waits for a file that is made only when all others are done
    number, sign = task
    until = time.monotonic() + 60
    while number == 0 and not os.path.exists(sign) and time.monotonic() < until:
        time.sleep(0.01)
    return number, os.path.exists(sign)


def is_killed(number):
    if number == 2:
        os.kill(os.getpid(), 9)
    return number


def environment(name):
    return os.environ.get(name)
"""


@pytest.fixture(scope="session")
def work_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module that worker processes can import by its name."""
    room = tmp_path_factory.mktemp("room")
    (room / "work_for_executors.py").write_text(WORK, encoding="utf-8")
    return room


@pytest.fixture
def jobs(work_room: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module with ``square``, ``fails`` and ``own_pid``."""
    monkeypatch.syspath_prepend(str(work_room))
    return importlib.import_module("work_for_executors")


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its end does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class TestHere:
    def test_results_come_in_order(self, jobs: Any) -> None:
        assert list(executors.run(jobs.square, range(6))) == [0, 1, 4, 9, 16, 25]

    def test_batches_are_taken_one_at_a_time(self, jobs: Any) -> None:
        taken: list[int] = []

        def batches() -> Iterator[int]:
            for number in range(5):
                taken.append(number)
                yield number

        results = executors.run(jobs.square, batches())
        assert next(results) == 0
        assert taken == [0]

    def test_one_batch_is_done_here_though_there_are_jobs(self, jobs: Any) -> None:
        assert list(executors.run(jobs.own_pid, [7], jobs=2)) == [(7, os.getpid())]
        assert list(executors.run(jobs.square, [], jobs=2)) == []

    def test_no_batch_then_no_result(self, jobs: Any) -> None:
        assert list(executors.run(jobs.square, [])) == []

    def test_a_bug_is_an_exception(self, jobs: Any) -> None:
        with pytest.raises(ValueError, match="three"):
            list(executors.run(jobs.fails, range(5)))

    def test_in_this_process_the_order_is_kept_anyway(self, jobs: Any) -> None:
        assert list(executors.run(jobs.square, range(4), in_order=False)) == [0, 1, 4, 9]

    def test_cores_are_counted(self, jobs: Any) -> None:
        assert executors.default_jobs() >= 1


@pytest.mark.slow
class TestProcesses:
    def test_results_come_in_order_whatever_is_done_first(self, jobs: Any) -> None:
        assert list(executors.run(jobs.square, range(12), jobs=2)) == [n * n for n in range(12)]

    def test_a_bug_is_an_exception_and_ends_the_workers(self, jobs: Any) -> None:
        with pytest.raises(ValueError, match="three"):
            list(executors.run(jobs.fails, range(50), jobs=2))

    def test_only_a_few_are_taken_ahead(self, jobs: Any) -> None:
        taken: list[int] = []

        def batches() -> Iterator[int]:
            for number in range(40):
                taken.append(number)
                yield number

        results = executors.run(jobs.square, batches(), jobs=2)
        next(results)
        assert len(taken) <= 2 * executors.AHEAD
        results.close()  # type: ignore[attr-defined]

    def test_a_slow_first_holds_nothing_back_where_order_is_not_needed(
        self, jobs: Any, tmp_path: Path
    ) -> None:
        taken: list[int] = []
        sign = tmp_path / "go"

        def batches() -> Iterator[tuple[int, str]]:
            for number in range(12):
                taken.append(number)
                yield number, str(sign)

        seen = []
        for number, was_there in executors.run(jobs.waits, batches(), jobs=2, in_order=False):
            seen.append(number)
            assert len(taken) - len(seen) < 2 * executors.AHEAD, "no more are under way than before"
            assert was_there is (number == 0)
            if len(seen) == 11:
                sign.touch()
        assert (sorted(seen), seen[-1]) == (list(range(12)), 0)

    @pytest.mark.skipif(os.name == "nt", reason="no signal 9")
    @pytest.mark.parametrize("in_order", [True, False])
    def test_a_worker_that_is_killed_is_one_sentence(self, jobs: Any, in_order: bool) -> None:
        with pytest.raises(WorkerError, match=r"ended from outside.*--jobs 1"):
            list(executors.run(jobs.is_killed, range(9), jobs=2, in_order=in_order))

    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
    def test_workers_go_with_the_process_that_started_them(self, work_room: Path, sign: int) -> None:
        script = (
            "import work_for_executors as work\nfrom kneeledger import executors\n"
            "if __name__ == '__main__':\n"
            "    for _, pid in executors.run(work.own_pid, range(200), jobs=2):\n"
            "        print(pid, flush=True)\n"
        )
        main = work_room / "main_for_executors.py"
        main.write_text(script, encoding="utf-8")
        with subprocess.Popen(
            [sys.executable, main], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(work_room)}
        ) as process:
            assert process.stdout is not None
            pids = {int(process.stdout.readline()) for _ in range(6)}
            process.send_signal(sign)
            process.stdout.read()  # ends when nobody holds the pipe any more
        until = time.monotonic() + 20
        while any(alive(pid) for pid in pids) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(alive(pid) for pid in pids)

    def test_workers_have_their_environment_and_this_process_its_own(
        self, jobs: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in executors.WORKERS:
            monkeypatch.delenv(name, raising=False)
        before = dict(os.environ)
        seen = list(executors.run(jobs.environment, executors.WORKERS, jobs=2))
        assert seen == list(executors.WORKERS.values())
        assert dict(os.environ) == before

    def test_what_the_user_has_set_stays(self, jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLARS_MAX_THREADS", "3")
        assert list(executors.run(jobs.environment, ["POLARS_MAX_THREADS"], jobs=2)) == ["3"]
        assert os.environ["POLARS_MAX_THREADS"] == "3"


class TestCluster:
    @pytest.mark.parametrize(
        "address",
        ["tcp://10.0.0.1:8786", "tcp://scheduler.example:8786", "tcp://127.evil.example:8786", "10.0.0.1:1"],
    )
    def test_outside_this_machine_only_tls(self, jobs: Any, address: str) -> None:
        with pytest.raises(ConfigError, match="only tls://"):
            list(executors.run(jobs.square, range(3), cluster=address))


class Workers:
    """A scheduler and two workers as processes on the loopback."""

    def __init__(self, folder: Path, room: Path) -> None:
        self.file = folder / "scheduler.json"
        here = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(room), os.environ.get("PYTHONPATH", "")]),
            "DASK_DISTRIBUTED__ADMIN__LARGE_GRAPH_WARNING_THRESHOLD": "100MB",
        }
        self.log = (folder / "log").open("wb")

        def start(*words: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", *words], env=here, stdout=self.log, stderr=self.log
            )

        self.scheduler = start(
            "distributed.cli.dask_scheduler", "--host", "tcp://127.0.0.1", "--port", "0", "--no-dashboard",
            "--no-show", "--scheduler-file", str(self.file),
        )  # fmt: skip
        self._wait(lambda: self.file.exists() and self.file.stat().st_size > 0)
        self.workers = [
            start(
                "distributed.cli.dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny",
                "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(folder), "--death-timeout", "60",
            )
            for _ in range(2)
        ]  # fmt: skip

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])

    def ready(self) -> None:
        """Wait until both workers have come."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=90)

    def kill_one(self) -> None:
        self.workers[0].send_signal(signal.SIGKILL)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait(30)
        self.log.close()

    @staticmethod
    def _wait(done: Callable[[], bool]) -> None:
        until = time.monotonic() + 90
        while not done():
            if time.monotonic() > until:
                raise TimeoutError("the scheduler did not start")
            time.sleep(0.1)


@pytest.fixture
def workers(tmp_path: Path, work_room: Path) -> Iterator[Workers]:
    made = Workers(tmp_path, work_room)
    try:
        made.ready()
        yield made
    finally:
        made.stop()


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.filterwarnings("ignore")
class TestTwoWorkers:
    def test_order_and_bugs(self, workers: Workers, jobs: Any) -> None:
        assert list(executors.run(jobs.square, range(12), cluster=workers.address)) == [
            n * n for n in range(12)
        ]
        with pytest.raises(ValueError, match="three"):
            list(executors.run(jobs.fails, range(8), cluster=workers.address))

    def test_a_slow_first_holds_nothing_back_where_order_is_not_needed(
        self, workers: Workers, jobs: Any, tmp_path: Path
    ) -> None:
        sign = tmp_path / "go"
        seen = []
        tasks = ((number, str(sign)) for number in range(12))
        for number, _ in executors.run(jobs.waits, tasks, cluster=workers.address, in_order=False):
            seen.append(number)
            if len(seen) == 11:
                sign.touch()
        assert (sorted(seen), seen[-1]) == (list(range(12)), 0)

    def test_one_dies_then_the_other_does_its_work(self, workers: Workers, jobs: Any) -> None:
        seen = []
        for at, result in enumerate(executors.run(jobs.own_pid, range(12), cluster=workers.address)):
            seen.append(result)
            if at == 2:
                workers.kill_one()
        assert [number for number, _ in seen] == list(range(12))
        assert len({pid for _, pid in seen}) == 2, "both had a part before one died"
        assert len({pid for _, pid in seen[-3:]}) == 1

    def test_a_cohort_is_the_same_although_one_dies(self, workers: Workers, tmp_path: Path) -> None:
        from kneeledger.pipeline import cohort as cohorts
        from kneeledger.pipeline import settings
        from kneeledger.pipeline.cohort import open_cohort

        folder = tmp_path / "in"
        files = sorted((FIXTURES / "export-second").glob("*.fit"))
        for number in range(8):
            home = folder / f"athlete {number}"
            home.mkdir(parents=True)
            for file in files[number % 3 : number % 3 + 5]:
                (home / file.name).write_bytes(file.read_bytes())
        (folder / "nothing").mkdir()
        config = settings.load(settings.SETTINGS)
        done: list[int] = []

        def told(_what: str, count: int, _of: int | None) -> None:
            done.append(count)
            if count == 2:
                workers.kill_one()

        salt = tmp_path / "salt"
        cohorts.cohort(
            folder, tmp_path / "far", config=config, salt_file=salt, cluster=workers.address, progress=told
        )
        assert workers.workers[0].wait(30) == -signal.SIGKILL
        assert workers.workers[1].poll() is None
        assert done == list(range(1, 10))
        cohorts.cohort(folder, tmp_path / "here", config=config, salt_file=salt)
        far, here = open_cohort(tmp_path / "far"), open_cohort(tmp_path / "here")
        for name in ("activities", "daily", "findings", "files"):
            one, other = getattr(far, name).collect(), getattr(here, name).collect()
            assert one.equals(other, null_equal=True), name
        assert here.activities.select(pl.len()).collect().item() == 40
        assert far.athletes.equals(here.athletes, null_equal=True)
        for name in ("manifest.json", "codebook.csv", "errors.jsonl"):
            assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name
