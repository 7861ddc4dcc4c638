#!/usr/bin/python3
"""What cmake installs, used from another directory by somebody who may not write there."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import program
from program import ROOT, SMALL, LAUNCHER, ProgramTest

BUILD = pathlib.Path(program.BINARY).resolve().parents[1]
TINY = [word for key, value in {**SMALL, "model.hidden": "16,16,16", "checkpoint.every": 1}.items()
        for word in ("--set", f"{key}={value}")]

# A Slurm that starts a job at once, as Slurm does: a copy of the script, which knows only its number.
SBATCH = """#!/bin/bash
while [[ $1 == -* ]]; do shift; done
number=$(mktemp -u XXXXXX)
script=$(realpath "$1"); shift
echo "JobId=$number Command=$script $* WorkDir=$PWD" >"$SLURM_DIR/$number"
cp "$script" "$SLURM_DIR/$number.copy"
export SLURM_JOB_ID=$number SLURM_ARRAY_TASK_ID=0
bash "$SLURM_DIR/$number.copy" "$@" >"$SLURM_DIR/$number.log" 2>&1 || cat "$SLURM_DIR/$number.log" >&2
echo "$number"
"""
SCONTROL = """#!/bin/bash
if [[ $1 == show ]]; then echo "MaxArraySize = 1000"; else cat "$SLURM_DIR/$4"; fi
"""
SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do shift; done
exec "$@"
"""


def installed(prefix):
    """Paths of all files below."""
    return sorted(str(path.relative_to(prefix)) for path in prefix.rglob("*")
                  if path.is_symlink() or not path.is_dir())


def expected():
    """What is meant to be installed, from what the sources hold."""
    share, doc = "share/fedstrata", "share/doc/fedstrata"
    version = re.search(r"VERSION ([\d.]+) LANG", (ROOT / "CMakeLists.txt").read_text())[1]
    files = ["bin/fedstrata", "bin/fedstrata-tools", "share/man/man1/fedstrata.1",
             "share/bash-completion/completions/fedstrata",
             f"{share}/modulefiles/fedstrata/{version}",
             f"{doc}/experiments", f"{doc}/slurm"]
    files += [f"{doc}/{name}" for name in ("README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")]
    files += [f"{share}/slurm/{name}" for name in ("README.md", "job.sh", "simulate.sbatch",
                                                   "analyze.sbatch", "sweep.sbatch")]
    files += [f"{doc}/docs/{path.relative_to(ROOT / 'docs')}" for path in (ROOT / "docs").rglob("*")
              if path.is_file()]
    examples = ROOT / "experiments"
    files += [f"{share}/experiments/{path.relative_to(examples)}"
              for path in [*examples.glob("*.ini"), *examples.glob("sweeps/*.ini")]]
    files += [f"{share}/python/{path.relative_to(examples)}"
              for path in (examples / "fedstrata").rglob("*")
              if path.suffix in (".py", ".css", ".js")]
    return sorted(files)


class InstallTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not (BUILD / "cmake_install.cmake").exists():
            raise unittest.SkipTest(f"{BUILD} is no build directory")

    def setUp(self):
        super().setUp()
        self.prefix, self.work = self.path / "prefix", self.path / "work"
        self.work.mkdir()
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.prefix], check=True,
                       stdout=subprocess.DEVNULL)
        self.share = self.prefix / "share/fedstrata"
        self.user = []
        if os.geteuid() == 0 and shutil.which("setpriv"):  # somebody who may only read the prefix
            self.path.chmod(0o755)
            shutil.chown(self.work, "nobody")
            self.user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        tools = os.pathsep.join([str(self.work / "tools"), "/usr/bin", "/bin"])
        self.environment = {**LAUNCHER, "PATH": tools, "HOME": str(self.work), "LC_ALL": "C.UTF-8",
                            "TMPDIR": str(self.work), "SLURM_DIR": str(self.work)}

    def use(self, *command):
        """Runs it as a user in the work directory; it must succeed."""
        result = subprocess.run([*self.user, *map(str, command)], cwd=self.work, timeout=200,
                                env=self.environment, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def slurm(self):
        (self.work / "tools").mkdir()
        for name, text in (("sbatch", SBATCH), ("scontrol", SCONTROL), ("srun", SRUN),
                           ("squeue", "#!/bin/sh\n")):
            (self.work / "tools" / name).write_text(text)
            (self.work / "tools" / name).chmod(0o755)

    def test_every_file_is_meant(self):
        self.assertEqual(installed(self.prefix), expected())
        for name in ("experiments/quickstart.ini", "slurm/README.md"):  # links in README.md
            self.assertTrue((self.prefix / "share/doc/fedstrata" / name).exists(), name)
        runpath = subprocess.run(["readelf", "-d", self.prefix / "bin/fedstrata"], check=True,
                                 capture_output=True, text=True).stdout
        self.assertNotIn(str(BUILD), runpath)

    def test_an_example_runs_and_is_drawn_from_any_directory(self):
        before = program.snapshot(self.prefix)
        example = self.share / "experiments/quickstart.ini"
        self.use(self.prefix / "bin/fedstrata", "simulate", example, *TINY)
        self.assertTrue((self.work / "runs/quickstart/DONE").exists())
        self.use(self.prefix / "bin/fedstrata-tools", "plot", "runs/quickstart")
        self.assertTrue(list((self.work / "runs/quickstart/plots").glob("*.png")))
        self.assertEqual(program.snapshot(self.prefix), before)

    def test_batch_scripts_run_from_any_directory(self):
        self.slurm()
        example = self.share / "experiments/quickstart.ini"
        said = self.use("sbatch", self.share / "slurm/simulate.sbatch", example, *TINY)
        self.assertTrue((self.work / "runs/quickstart/DONE").exists(), said)
        said = self.use("sbatch", self.share / "slurm/analyze.sbatch", "runs/quickstart", "--set",
                        "analysis.alphas=5")
        self.assertTrue((self.work / "runs/quickstart/barriers/posthoc").exists(), said)

    def test_a_sweep_is_submitted_from_any_directory(self):
        self.slurm()
        sweep = self.share / "experiments/sweeps/tiny.ini"
        said = self.use(self.prefix / "bin/fedstrata", "sweep", "submit", sweep, "--out", "runs/tiny")
        self.assertIn("cells submitted", said)
        self.assertEqual(len(list(self.work.glob("runs/tiny/cells/*/DONE"))), 1, said)

    def test_command_lines_are_completed(self):
        script = self.prefix / "share/bash-completion/completions/fedstrata"
        (self.work / "mine.ini").touch()
        (self.work / "mine.txt").touch()
        (self.work / "runs/a").mkdir(parents=True)
        (self.work / "runs/a/run.h5").touch()
        (self.work / "runs/empty").mkdir()

        def completed(line):
            # As bash does: the line, and where the cursor stands in it.
            return set(self.use("bash", "-c", 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _fedstrata;'
                                'printf "%s\\n" "${COMPREPLY[@]}"', "bash", script, line).split())
        for line, words in {
                "fedstrata sim": {"simulate"},
                "fedstrata sweep res": {"resubmit"},
                "fedstrata help a": {"analyze"},
                "fedstrata sweep plan x.ini --": {"--out", "--jobs", "--help"},
                "fedstrata simulate m": {"mine.ini"},
                "fedstrata simulate --out x m": {"mine.ini"},
                "fedstrata inspect runs/": {"runs/a"},
                "fedstrata --completion ": {"bash"},
                "fedstrata simulate a.ini --set train.sch": {"train.schedule="},
                "fedstrata simulate a.ini --set train.schedule=s": {"step"},
                "fedstrata simulate a.ini --set=train.schedule=s": {"step"},
                "fedstrata simulate a.ini --set average.body.o": {"average.body.offset="},
                "fedstrata simulate a.ini --set average.body.update=mo": {"momentum"},
                "fedstrata analyze a --set analysis.al": {"analysis.alphas=", "analysis.align=",
                                                          "analysis.align_samples=",
                                                          "analysis.align_starts=",
                                                          "analysis.align_at="},
                "fedstrata analyze a --set train.": set()}.items():
            with self.subTest(line):
                self.assertEqual(completed(line), words)

    def test_the_module_file_follows_the_prefix(self):
        if not shutil.which("tclsh"):
            raise unittest.SkipTest("tclsh is not installed")
        file, = (self.share / "modulefiles/fedstrata").iterdir()
        text = f"""
            foreach name {{module-whatis conflict}} {{proc $name args {{}}}}
            foreach name {{prepend-path append-path}} {{proc $name {{to path}} {{puts "$to=$path"}}}}
            set ModulesCurrentModulefile {{{file}}}
            source $ModulesCurrentModulefile"""
        (self.work / "try.tcl").write_text(text)
        said = self.use("tclsh", self.work / "try.tcl").split()
        self.assertIn(f"PATH={self.prefix}/bin", said)
        self.assertIn(f"PYTHONPATH={self.share}/python", said)

    def test_manual_page_is_well_formed(self):
        page = self.prefix / "share/man/man1/fedstrata.1"
        self.assertTrue(page.read_text().startswith(".TH FEDSTRATA 1"))
        if not shutil.which("man"):
            raise unittest.SkipTest("man is not installed")
        said = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                              check=True, env={**os.environ, "MANWIDTH": "110"})
        self.assertEqual(said.stderr, "")
        self.assertIn("EXIT STATUS", re.sub(".\b", "", said.stdout))


class PackageTest(ProgramTest):
    def test_packages_hold_what_is_installed(self):
        if not shutil.which("dpkg-shlibdeps") or not shutil.which("cpack"):
            raise unittest.SkipTest("no dpkg-dev or CPack here")
        if not (BUILD / "CPackConfig.cmake").exists():
            raise unittest.SkipTest(f"{BUILD} is no build directory")
        subprocess.run(["cpack", "-G", "DEB;TGZ", "--config", BUILD / "CPackConfig.cmake", "-B",
                        self.path / "packages"], check=True, stdout=subprocess.DEVNULL, cwd=self.path)
        package, = (self.path / "packages").glob("*.deb")
        archive, = (self.path / "packages").glob("*.tar.gz")
        subprocess.run(["dpkg-deb", "--extract", package, self.path / "deb"], check=True)
        self.assertEqual(installed(self.path / "deb/usr"), expected())
        shutil.unpack_archive(archive, self.path / "tar")
        root, = (self.path / "tar").iterdir()
        self.assertEqual(installed(root), expected())
        field = subprocess.run(["dpkg-deb", "--field", package], capture_output=True, text=True,
                               check=True).stdout
        for name in ("libtorch", "libhdf5", "openmpi-bin", "python3-h5py", "python3-matplotlib",
                     "slurm-client"):
            self.assertIn(name, field)


if __name__ == "__main__":
    unittest.main()
