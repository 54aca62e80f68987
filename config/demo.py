"""`python -m config.demo`: the main job on the house's processes, which then go on until Ctrl-C.

While the job runs it works the desk itself, at its own moments, so that it ends the same each time;
afterwards the desk's process does, beside beat and the crowd. From the environment: SEED, CLIENTS
and DAYS vary the job, SERVE=0 ends after it.
"""

import os
import signal
import sys

from config import run

_VARIED = ("SEED", "CLIENTS", "DAYS")


def main() -> int:
    """Do the job; serve on, unless told not to. Return what the job or the serving came to."""
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # each refusal would be a line
    port = run.prepare()
    processes = run.commands(port)
    at = ["--address", run.address(port)]
    children: run.Children = {}
    try:
        run.start(children, {name: processes.pop(name) for name in ("web", "worker")})
        run.start(children, {"job": ["manage.py", "demo", *at, *_options()]})
        status = run.watch(children, until=["job"])
        if status or children["job"].poll() is None or os.environ.get("SERVE") == "0":
            return status
        del children["job"]
        run.start(children, processes | {"crowd": ["manage.py", "crowd", *at]})
        print("The clock, the desk and a crowd of clients go on. Ctrl-C ends them.", flush=True)  # noqa: T201
        return run.watch(children)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # they end together, once
        run.end(children)


def _options() -> list[str]:
    named = [name for name in _VARIED if os.environ.get(name)]
    return [f"--{name.lower()}={os.environ[name]}" for name in named]


if __name__ == "__main__":
    sys.exit(main())
