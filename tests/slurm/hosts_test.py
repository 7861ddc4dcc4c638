#!/usr/bin/python3
"""A run over several hosts, each with a network and a name of its own, far from each other."""

import pathlib
import shutil
import subprocess
import sys
import unittest

import sandbox
from program import BINARY, ROOT, ProgramTest, content, wait_until

DELAY = 0.002  # seconds, one way
# One way and back, as a connection takes to be made.
CONNECT = """
import socket, time
began = time.monotonic()
socket.create_connection(("node2", 7000), timeout=10)
print(time.monotonic() - began)
"""
LISTEN = """
import socket, sys, time
with socket.create_server(("0.0.0.0", 7000)):
    open(sys.argv[1], "w").close()
    time.sleep(100)
"""


def why_not():
    """Why there can be no hosts here; empty if there can."""
    lacking = [tool for tool in ("gcc", "mpirun") if not shutil.which(tool)]
    if lacking:
        return f"{', '.join(lacking)} not installed"
    return sandbox.why_not() if pathlib.Path("/dev/net/tun").exists() else "no /dev/net/tun"


class Network(sandbox.Sandbox):
    """Hosts node1, node2, ... joined by a network with latency."""

    def __init__(self, hosts):
        addresses = [f"10.99.0.{number}" for number in range(1, hosts + 1)]
        super().__init__([f"node{number}" for number in range(1, hosts + 1)], addresses)
        try:
            self._join(addresses)
        except BaseException:
            self.stop()
            raise
        # Open MPI starts its daemons on the other hosts by this in place of ssh.
        agent = self.write("agent", f'#!/bin/sh\nhost=$1; shift\nexec {self.path}/enter "$host" '
                                    f'sh -c "$*"\n')
        agent.chmod(0o755)
        self.environment |= {"OMPI_MCA_plm_rsh_agent": str(agent),
                             "OMPI_MCA_btl_tcp_if_include": "eth0",
                             "OMPI_MCA_oob_tcp_if_include": "eth0"}

    def _join(self, addresses):
        hub = self.path / "delay_hub"
        subprocess.run(["gcc", "-O2", "-o", hub, ROOT / "tests/slurm/delay_hub.c"], check=True)
        self.background(hub, round(DELAY * 1e6), *self.hosts)
        wait_until(lambda: self.run("ip", "link", "show", self.hosts[-1],
                                    check=False).returncode == 0, 10)
        for host, address in zip(self.hosts, addresses):
            self.run("ip", "link", "set", host, "netns", self.pid(host), "name", "eth0")
            self.run("ip", "address", "add", f"{address}/24", "dev", "eth0", host=host)
            self.run("ip", "link", "set", "eth0", "up", host=host)


class SeveralHosts(ProgramTest):
    def setUp(self):
        super().setUp()
        if why_not():
            self.skipTest(f"no separate hosts here: {why_not()}")
        self.network = Network(3)
        self.addCleanup(self.network.stop)

    def test_network_is_slow(self):
        """Or the next test would show less than it says."""
        ready = self.path / "ready"
        self.network.background(sys.executable, "-c", LISTEN, ready, host="node2")
        wait_until(ready.exists)
        seconds = float(self.network.run(sys.executable, "-c", CONNECT, host="node1").stdout)
        self.assertGreater(seconds, 2 * DELAY)

    def test_same_bits_as_on_one_host(self):
        config = self.config({"average.body.layers": "fc1", "average.body.every": 2,
                              "average.head.layers": "head", "model.init": "different",
                              "federation.rounds": 6, "checkpoint.every": 3, "analysis.every": 3})
        here = self.simulate(config, "here", ranks=4)
        out = self.path / "out"
        result = self.network.run("mpirun", "--host", "node1:2,node2,node3", "-n", 4, BINARY,
                                  "simulate", config, "--out", out, host="node1", timeout=100)
        for host in self.network.hosts:
            self.assertRegex(result.stdout, rf"(?m)^\d +{host} ")
        self.assertTrue((out / "DONE").exists())
        self.assert_same(content(here), content(out))


if __name__ == "__main__":
    unittest.main()
