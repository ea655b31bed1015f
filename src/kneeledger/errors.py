"""What can go wrong, and what the user can do about it.

::

    KneeledgerError                    a message for a person; .hint says what to do; .slug names the help
    ├── ConfigError                    a setting is unknown or out of range
    ├── ReadError(path, why)           a file or archive could not be read
    │   ├── UnsupportedFormatError     no reader claims it
    │   ├── CorruptFileError           a reader claimed it and could keep nothing
    │   ├── EmptyActivityError         it decodes, but is no activity (settings, plan, monitoring, no records)
    │   └── LimitError                 it is beyond a bound on size, depth, count or ratio
    ├── SchemaError                    a frame is not what its stage promises
    ├── AnalyzerError                  an analyzer's result differs from its declaration: our bug
    ├── StoreError                     the ledger is locked, unreadable, or cannot be written
    │   ├── DamagedLedgerError         what it holds is not what was written: to be rebuilt
    │   └── NewerLedgerError           it was written by a newer version: never emptied, never changed
    ├── ReportError                    a page or picture could not be written
    └── WorkerError                    a worker process was ended from outside
"""

__all__ = [
    "AnalyzerError",
    "ConfigError",
    "CorruptFileError",
    "DamagedLedgerError",
    "EmptyActivityError",
    "KneeledgerError",
    "LimitError",
    "NewerLedgerError",
    "ReadError",
    "ReportError",
    "SchemaError",
    "StoreError",
    "UnsupportedFormatError",
    "WorkerError",
]


class KneeledgerError(Exception):
    """Base of every error that is told to a user in one sentence and a hint."""

    slug = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(KneeledgerError):
    """Raised when a setting is unknown, of the wrong kind, or out of its range."""

    slug = "config"


class ReadError(KneeledgerError):
    """Raised when a file or archive cannot be read; knows which, and why."""

    slug = "read"

    def __init__(self, path: str, why: str, *, hint: str = "") -> None:
        super().__init__(f"{path}: {why}", hint=hint)
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes, with their keyword."""
        return (_rebuild, (type(self), self.path, self.why, self.hint))


def _rebuild(kind: type[ReadError], path: str, why: str, hint: str) -> ReadError:
    return kind(path, why, hint=hint)


class UnsupportedFormatError(ReadError):
    """Raised when the content is of no kind that any reader claims."""

    slug = "unsupported"


class CorruptFileError(ReadError):
    """Raised when a reader claimed the content and nothing of it could be kept."""

    slug = "corrupt"


class EmptyActivityError(ReadError):
    """Raised when the content decodes but holds no activity (settings, plans, monitoring)."""

    slug = "not-an-activity"


class LimitError(ReadError):
    """Raised when a file is beyond a bound on size, depth, members or ratio."""

    slug = "limit"


class SchemaError(KneeledgerError):
    """Raised when a frame has not the columns and types its stage promises."""

    slug = "schema"


class AnalyzerError(KneeledgerError):
    """Raised when an analyzer returns other keys than it declares."""

    slug = "analyzer"


class StoreError(KneeledgerError):
    """Raised when the ledger is locked, damaged, unreadable or from a newer version."""

    slug = "ledger"


class DamagedLedgerError(StoreError):
    """Raised when what the ledger holds is not what was written to it; a rebuild reads the files again."""


class NewerLedgerError(StoreError):
    """Raised when the ledger was written by a newer kneeledger; nothing of it is touched."""


class ReportError(KneeledgerError):
    """Raised when a page, picture or data file cannot be written."""

    slug = "report"


class WorkerError(KneeledgerError):
    """Raised when a worker process was ended from outside: killed, or out of memory."""

    slug = "worker"
