"""Starts processes for the bench, from a process of its own that is small.

A process inherits its parent's peak memory when it is started, so a large parent would hide what a
child needs. One JSON object a line: ``{"line": […], "env": {…}}`` in, ``[seconds, KiB, seconds of
processor time]`` out.
"""

import json
import os
import sys
import time

NOWHERE = os.open(os.devnull, os.O_RDWR)

for asked in sys.stdin:
    task = json.loads(asked)
    files = [(os.POSIX_SPAWN_DUP2, NOWHERE, stream) for stream in (0, 1, 2)]
    started = time.perf_counter()
    pid = os.posix_spawn(task["line"][0], task["line"], task["env"], file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    answer = [seconds, usage.ru_maxrss, usage.ru_utime + usage.ru_stime]
    print(json.dumps(answer if code == 0 else code), flush=True)
