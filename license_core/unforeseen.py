"""The problem that an error is that nobody has thought of: no memory, no package, or a defect."""

from __future__ import annotations

import os

from license_core.errors import InternalError, LicenseError, MemoryExhaustedError


def problem_of(error: Exception) -> LicenseError:
    """The problem that *error* is; it has *error* as its cause."""
    problem = _problem_of(error)
    problem.__cause__ = error
    return problem


def _problem_of(error: Exception) -> LicenseError:
    from license_core.exhaustion import is_of_memory

    if is_of_memory(error):
        return MemoryExhaustedError()
    if isinstance(error, ImportError) or (
        isinstance(error, PermissionError) and isinstance(error.filename, str)
    ):
        from license_core import dependency

        return dependency.problem_of(error)
    return InternalError(reason=_describe(error))


def _describe(error: Exception) -> str:
    """Where an unknown error came from: its type and the last line of ours; no traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        if trace
        else ""
    )
    return f"{type(error).__name__}: {error}{where}"
