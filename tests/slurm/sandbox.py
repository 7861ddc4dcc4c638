"""Linux namespaces as a place for daemons and hosts of a test, gone at once when the test ends."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import LAUNCHER, wait_until  # noqa: E402 (found by the line above)

os.environ["PATH"] += ":/usr/sbin:/sbin"  # where daemons are, also for those who lack it

# The first process of the sandbox. The kernel ends all others with it, and it with the test,
# however that ends. It also reaps what daemons leave behind. Without an address that is not
# 127.0.0.1, the C library would find that there is no network and resolve no name.
INIT = """ip link set lo up; ip address add 10.99.0.254/32 dev lo
touch "$1/run/ready"
while :; do sleep 1000 & wait; done"""
HOST = """hostname "$1"
mount --bind "$2/hosts" /etc/hosts
mount -t tmpfs shm /dev/shm
ip link set lo up
echo $$ >"$2/run/$1.new"; mv "$2/run/$1.new" "$2/run/$1.pid"
exec sleep infinity"""
ENTER = """#!/bin/sh
# enter HOST COMMAND...: runs a command on a host, from anywhere inside the sandbox.
host=$1; shift
exec nsenter --target "$(cat "{path}/run/$host.pid")" --net --uts --mount --wd="$PWD" "$@"
"""
UNSHARE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--net", "--mount", "--mount-proc",
           "--fork", "--kill-child"]


def why_not():
    """Why there can be no sandbox here; empty if there can."""
    lacking = [tool for tool in ("ip", "nsenter", "setpriv", "unshare") if not shutil.which(tool)]
    if lacking:
        return f"{', '.join(lacking)} not installed"
    tried = subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True,
                           text=True, check=False)
    return f"no namespaces here ({tried.stderr.strip()})" if tried.returncode else ""


class Sandbox:
    """Processes with a network and a process table of their own, and a directory for their files.

    Inside are hosts, each with a name and a /dev/shm of its own: Open MPI's segments of two hosts
    would collide in a common one. With addresses each has a network of its own, too.
    """

    def __init__(self, hosts, addresses=None):
        # Short, for sockets; not below TMPDIR, which may be the /dev/shm that hosts do not see.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="fedstrata-", dir="/tmp"))
        self.path.chmod(0o755)
        for name in ("run", "tmp"):
            (self.path / name).mkdir()
        self.hosts = list(hosts)
        self.environment = {**LAUNCHER, "TMPDIR": str(self.path / "tmp"), "LC_ALL": "C.UTF-8"}
        self._processes = []
        try:
            self._start(addresses)
        except BaseException:
            self.stop()
            raise

    def _start(self, addresses):
        table = zip(addresses or ["127.0.0.1"] * len(self.hosts), self.hosts)
        self.write("hosts", "127.0.0.1 localhost\n" + "".join(f"{a} {h}\n" for a, h in table))
        self.write("enter", ENTER.format(path=self.path)).chmod(0o755)
        self._spawn([*UNSHARE, "sh", "-c", INIT, "init", str(self.path)])
        wait_until((self.path / "run/ready").exists)
        self._target = subprocess.run(["pgrep", "-P", str(self._processes[0].pid)], text=True,
                                      capture_output=True, check=True).stdout.strip()
        for host in self.hosts:
            self.background("unshare", "--uts", "--mount", *(["--net"] if addresses else []),
                            "sh", "-c", HOST, "host", host, self.path)
        wait_until(lambda: all(map(self.pid, self.hosts)))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        """Ends every process inside and removes the files."""
        for process in self._processes:  # the first takes all that are inside with it
            process.kill()
            process.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text):
        """Makes a file in the directory; returns its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def pid(self, host):
        """Of the process that holds a host, as seen inside; empty until it is there."""
        file = self.path / f"run/{host}.pid"
        return file.read_text(encoding="ascii").strip() if file.exists() else ""

    def run(self, *arguments, host=None, timeout=60, check=True, **environment):
        """Runs a command inside, on a host or beside them; the result has stdout and stderr."""
        result = subprocess.run(self._command(arguments, host), stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=timeout, check=False,
                                env=self._environment(environment))
        if check and result.returncode:
            raise AssertionError(f"{' '.join(map(str, arguments))} ended with {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}")
        return result

    def background(self, *arguments, host=None):
        """Starts a process inside that lives until the sandbox ends."""
        return self._spawn(self._command(arguments, host))

    def _command(self, arguments, host):
        inside = [str(self.path / "enter"), host] if host else []
        return ["nsenter", "--target", self._target, "--pid", "--net", "--mount", "--wd=.",
                *inside, *map(str, arguments)]

    def _environment(self, more):
        outside = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        return {**outside, **self.environment, **more}

    def _spawn(self, command):
        with open(self.path / "run/output", "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, env=self._environment({}))
        self._processes.append(process)
        return process
