#!/usr/bin/env python3
"""Starts servers, each on a free port of 127.0.0.1, runs a command, and ends them.

    with_servers.py LOGS NAME=COMMAND... -- COMMAND...

A server's command is of bash and finds its port in $PORT; it and the command at the end find the addresses of the servers
before it in variables of their names. Servers write into files in the folder LOGS. The exit status is the command's, or 3
where a server does not start.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

START_SECONDS = 180


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    """Whether it is ready: those that load a model say 503 until then, and most have no such page."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{url}/health/liveliness", timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code != 503
    except OSError:
        return False
    return True


class Server:
    """A server in a process group of its own: some of them have children."""

    def __init__(self, logs, name, command):
        port = free_port()
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.log = logs / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PORT": str(port)},
                start_new_session=True,
            )

    def wait(self):
        """Why it is not ready, or None."""
        start = time.monotonic()
        while not answers(self.url):
            if self.process.poll() is not None:
                return f"ended with status {self.process.returncode}"
            if time.monotonic() - start > START_SECONDS:
                return f"did not start within {START_SECONDS} s"
            time.sleep(0.1)
        return None

    def end(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(timeout=5)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                pass


def run(logs, specifications, command):
    servers = []
    try:
        for specification in specifications:
            name, _, start = specification.partition("=")
            servers.append(Server(logs, name, start))
            os.environ[name] = servers[-1].url
        for server in servers:
            if problem := server.wait():
                print(f"{server.name} {problem}; its last words:", file=sys.stderr)
                print("\n".join(server.log.read_text(errors="replace").splitlines()[-20:]), file=sys.stderr)
                return 3
        return subprocess.call(command)
    finally:
        for server in servers:
            server.end()


def main():
    if len(sys.argv) < 4 or "--" not in sys.argv:
        sys.exit(__doc__)
    # Servers end also where this is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logs = pathlib.Path(sys.argv[1])
    logs.mkdir(parents=True, exist_ok=True)
    cut = sys.argv.index("--")
    sys.exit(run(logs, sys.argv[2:cut], sys.argv[cut + 1 :]))


if __name__ == "__main__":
    main()
