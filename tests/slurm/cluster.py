"""A Slurm cluster of a few nodes on this machine, started and stopped by a test."""

import collections
import os
import re
import shutil
import time
import unittest

import sandbox
from program import ROOT, wait_until

Job = collections.namedtuple("Job", "id task state code restarts")  # task: of an array, or None
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")

# What is not plain: CgroupPlugin in cgroup.conf (below) lets slurmd start where there are no
# cgroups; TmpFS differs by node, or PMIx finds its directory taken; cred_expire is how long a
# requeued job waits (120 s by default); config_overrides allows more processors than there are.
CONFIG = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={path}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={path}/state
SlurmdSpoolDir={path}/spool/%n
TmpFS={path}/tmp/%n
SlurmctldPidFile={path}/run/slurmctld.pid
SlurmdPidFile={path}/run/slurmd-%n.pid
SlurmctldLogFile={path}/log/slurmctld
SlurmdLogFile={path}/log/%n
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=0
PriorityType=priority/basic
ReturnToService=2
KillWait=3
MaxArraySize={array}
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=DEFAULT CPUs={cpus} CoresPerSocket={cpus} RealMemory=64000 {gres}
{nodes}
PartitionName=test Nodes=ALL Default=YES MaxTime=60 DefaultTime=5
"""


def why_not():
    """Why no cluster can be started here; empty if it can."""
    lacking = [program for program in DAEMONS if not shutil.which(program)]
    if lacking:
        return f"{', '.join(lacking)} not installed (tests/run.sh installs them)"
    return "not root" if os.geteuid() else sandbox.why_not()


class Cluster(sandbox.Sandbox):
    """Slurm with nodes node1, node2, ... that share this machine, its files and one network.

    Commands see it through run(); jobs write their output to the file log(job).
    """

    def __init__(self, nodes=4, cpus=2, gpus=0, array=1001):
        super().__init__([f"node{n}" for n in range(1, nodes + 1)])
        try:
            self._configure(cpus, gpus, array)
            self._start_daemons()
        except BaseException:
            print(self._logs())
            self.stop()
            raise

    def _configure(self, cpus, gpus, array):
        for name in ("state", "log", "jobs", *(f"{d}/{h}" for d in ("spool", "tmp")
                                               for h in self.hosts)):
            (self.path / name).mkdir(parents=True)
        nodes = [f"NodeName={host} NodeHostname=localhost NodeAddr=127.0.0.1 Port={6900 + number}"
                 for number, host in enumerate(self.hosts)]
        gres = f"Gres=gpu:{gpus}" if gpus else ""
        conf = self.write("etc/slurm.conf", CONFIG.format(
            path=self.path, array=array, cpus=cpus, gres=gres, nodes="\n".join(nodes)).lstrip())
        self.write("etc/cgroup.conf", "CgroupPlugin=cgroup/v1\n")
        (self.path / "dev").mkdir()
        for gpu in range(gpus):  # Slurm wants character devices; these are like /dev/null
            os.mknod(self.path / f"dev/gpu{gpu}", 0o020666, os.makedev(1, 3))
        self.write("etc/gres.conf", "".join(
            f"NodeName={','.join(self.hosts)} Name=gpu File={self.path}/dev/gpu{gpu}\n"
            for gpu in range(gpus)))
        self.environment |= {"SLURM_CONF": str(conf), "OMPI_MCA_btl_tcp_if_include": "lo",
                             "OMPI_MCA_oob_tcp_if_include": "lo"}
        del self.environment["OMPI_MCA_rmaps_base_oversubscribe"]  # Slurm says how many slots

    def _start_daemons(self):
        munge = self.path / "munge"
        munge.mkdir(mode=0o711)
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        for path in (munge, key):
            shutil.chown(path, "munge", "munge")
        self.run("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged",
                 f"--key-file={key}", f"--socket={munge}/socket", f"--pid-file={munge}/pid",
                 f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        self.run("slurmctld", "-c")
        for host in self.hosts:
            self.run("slurmd", "-N", host, host=host)
        wait_until(lambda: self.run("sinfo", "-hNo", "%T", check=False).stdout.split()
                   == ["idle"] * len(self.hosts), 20)

    def _logs(self):
        files = [*(self.path / "log").glob("*"), self.path / "munge/log"]
        return "\n".join(f"{file.name}: {file.read_text()[-2000:]}" for file in files
                         if file.exists())

    def submit(self, *arguments, cwd=ROOT, **environment):
        """What sbatch takes; returns the job's number."""
        out = self.run("env", "-C", cwd, "sbatch", "--parsable",
                       f"--output={self.path}/jobs/%j", *arguments, **environment).stdout
        return int(out.split(";")[0])

    def jobs(self, job):
        """A job, or the elements of an array (those that have not begun are one)."""
        found = []
        for line in self.run("scontrol", "-o", "show", "job", job,
                             check=False).stdout.splitlines():
            field = dict(re.findall(r"(\w+)=(\S*)", line))
            if "JobState" in field:
                found.append(Job(int(field["JobId"]), field.get("ArrayTaskId"), field["JobState"],
                                 int(field["ExitCode"].split(":")[0]), int(field["Restarts"])))
        return found

    def wait(self, job, timeout=120):
        """Waits until a job has ended for good; returns it, or the list of an array's elements."""
        found = self.wait_for(job, lambda job: job.state in ENDED, timeout)
        return found[0] if found[0].task is None else found

    def wait_for(self, job, condition, timeout=120):
        """Waits until a job, or all elements of an array, satisfy a condition; returns them."""
        end = time.monotonic() + timeout
        while not (found := self.jobs(job)) or not all(map(condition, found)):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {found}\n{self.output(job)}")
            time.sleep(0.1)
        return found

    def interrupt(self, job):
        """Sends a job's batch shell the signal that announces the time limit."""
        self.run("scancel", "--batch", "--signal=USR1", job)

    def output(self, job):
        """What a job has written so far, to stdout and stderr."""
        file = self.path / f"jobs/{job}"
        return file.read_text(errors="replace") if file.exists() else ""


class ClusterTest(unittest.TestCase):
    """Tests that share a cluster of four nodes with two processors and two (false) GPUs each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if why_not():
            raise unittest.SkipTest(f"Slurm cannot be started here: {why_not()}")
        cls.cluster = Cluster(gpus=2)
        cls.addClassCleanup(cls.cluster.stop)
