"""The embedded servers by hand: `python -m config.embedded start|stop|status|clean|url`."""

import argparse
import sys

from config import embedded


def main() -> str | int:
    """Do one thing and return the exit status: `status` answers 3 when a server is down."""
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument("verb", choices=["start", "stop", "status", "clean", "url"])
    verb = parser.parse_args().verb
    try:
        match verb:
            case "start":
                embedded.ensure()
                return _status()
            case "stop":
                embedded.stop()
            case "status":
                return _status()
            case "clean":
                embedded.clean()
            case "url":
                _say(embedded.database_url(), embedded.broker_url())
    except (embedded.EmbeddedError, OSError) as error:
        return str(error)
    return 0


def _status() -> int:
    servers = embedded.servers()
    for server in servers:
        where = f"runs, process {server.pid}" if server.running() else "does not run"
        _say(f"{server.name}: {where}; data in {server.data}, socket {server.socket}")
    if len(servers) < 2:
        _say("The environment names the other servers, in DATABASE_URL or REDIS_URL.")
    return 0 if all(server.running() for server in servers) else 3


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
