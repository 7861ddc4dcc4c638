#!/usr/bin/python3
"""Every command in the README and the documents works, in a copy of the sources.

Commands that would take minutes, install something or need a cluster are replaced by what can be
checked here: see substitute(). Those that are new and cannot run fail this test: add a rule there.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import program
from program import LAUNCHER, ROOT, ProgramTest, ini

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "slurm/README.md"]
FIRST_WORD = re.compile(r"(?:\w+=\S+ )*(?:[\w/.]*fedstrata|mpirun|srun|sbatch|cmake|ctest|python3|"
                        r"/usr/bin/python3|tail|export|(?:build|experiments|slurm|tests)/[\w/.]*[\w.])"
                        r"(?= |$)")
INLINE = re.compile(r"`((?:build/bin/)?fedstrata [a-z]+ [^`]+|"
                    r"(?:/usr/bin/python3 )?experiments/plot\.py [^`]+)`")
# What the documents write for a name of the reader's own.
PLACEHOLDERS = {"FILE.ini": "my.ini", "RUN_DIR": "runs/mine", "RUN": "runs/mine", "OUT.h5": "o.h5",
                "COMMAND": "analyze", "SWEEP.ini": "experiments/sweeps/tiny.ini",
                "FILE": "f.h5", "DIR": "runs/elsewhere", "N": "2",
                "runs/quickstart": "runs/mine"}
MINE = {"model.hidden": "16,16", "federation.rounds": 10, "checkpoint.every": 5,
        "analysis.every": 5, "model.init": "different"}


def blocks(text):
    """Blocks of code, fenced or indented, without their indentation."""
    for fenced, indented in re.findall(r"^```\w*\n(.*?)^```|((?:^    [^\n]*\n|^\n(?=    ))+)",
                                       text, re.M | re.S):
        yield fenced or re.sub(r"^    ", "", indented, flags=re.M).lstrip("\n")


def commands(text):
    """Shell commands of the blocks and of the running text, comments taken off."""
    for block in blocks(text):
        if not block.lstrip().startswith(("import ", "[")):
            for line in block.replace("\\\n", " ").splitlines():
                line = re.sub(r"(^|\s)#.*", "", line).removeprefix("$ ").strip()
                if FIRST_WORD.match(line):
                    yield line
    for inline in INLINE.findall(text.replace("\n", " ")):
        words = [PLACEHOLDERS.get(word, word) for word in inline.split()]
        if not {"...", "…"} & set(words):
            yield " ".join(words)


def substitute(command):
    """What to run in place of a command, and why; nothing and why when it cannot be run at all."""
    if re.match(r"(experiments/(quickstart|install_packages)|tests/run)\.sh", command):
        return None, "installs packages and builds"
    if re.match(r"(cmake|ctest) ", command):
        return None, "builds"
    if "PREFIX" in command:
        return None, "needs an installation; install_test.py makes one"
    if command.startswith("tests/fuzz/"):
        return None, "takes minutes; the test `fuzz` runs the fuzzers"
    if command.startswith("tests/with_pip_libtorch.sh"):
        return None, "builds, against a PyTorch of pip"
    if command.startswith("tests/compare_builds.sh"):
        return None, "takes minutes and two builds; the test `compare_builds` tries it"
    if re.search(r"benchmark", command):
        return None, "takes minutes and a quiet machine"
    if "runs/imported" in command:
        return None, "needs models from elsewhere; import_test.py has some"
    if "file:my.h5" in command:
        return None, "needs data of one's own; own_data_test.py has some"
    if command.startswith("tail -f"):
        return None, "does not end"
    if match := re.match(r"sbatch (slurm/(simulate|analyze)\.sbatch) (.*)", command):
        script, what, arguments = match.groups()
        dry = " --dry-run" if what == "simulate" else ""
        return f"bash -n {script} && build/bin/fedstrata {what} {arguments}{dry}", "no Slurm"
    if match := re.search(r"sweep (?:re)?submit\s+(\S+)", command):
        return f"bash -n slurm/sweep.sbatch && build/bin/fedstrata sweep plan {match[1]}", "no Slurm"
    if "fedstrata watch" in command and "--once" not in command:
        return command + " --once", "ends when the run does"
    if "sweep run experiments/sweeps/interval" in command:
        return command.replace(" run ", " plan "), "takes half an hour"
    if "fedstrata tensorboard" in command:
        return None, "needs tensorboardX; scalars_test.py tries it"
    if "deep_cnn.py" in command:
        return None, "needs PyTorch for Python"
    if re.search(r"simulate experiments/(layerwise_cnn_cifar10|cifar10_layerwise)\.ini", command):
        return command + " --print-config", "needs CIFAR-10 and takes minutes or hours"
    if re.search(r"runs/layerwise_\w+", command) and " simulate " not in command:
        command = re.sub(r"analysis\.rounds=\d+", "analysis.rounds=last", command)
        return re.sub(r"runs/layerwise_\w+", "runs/mine", command), "takes minutes to make"
    if re.search(r"fedstrata simulate experiments/\S+\.ini", command) and "--dry" not in command:
        return command + " --dry-run", "takes minutes"
    return command, ""


class DocumentedCommands(ProgramTest):
    def setUp(self):
        super().setUp()
        self.planned = set()
        self.copy = self.path / "fedstrata"
        self.copy.mkdir()
        for name in ("experiments", "slurm", "docs", "tests"):
            shutil.copytree(ROOT / name, self.copy / name, ignore=shutil.ignore_patterns("*.pyc"))
        (self.copy / "build/bin").mkdir(parents=True)
        (self.copy / "build/bin/fedstrata").symlink_to(program.BINARY)
        (self.copy / "build/bin/python3").symlink_to(sys.executable)  # the one that has the packages
        (self.copy / "my.ini").write_text(ini(MINE))
        self.environment = os.environ | LAUNCHER | {
            "PATH": f"{self.copy}/build/bin:{os.environ['PATH']}",
            "PYTHONPATH": f"{self.copy}/experiments"}

    def shell(self, *command):
        result = subprocess.run(command, cwd=self.copy, env=self.environment, timeout=100,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")

    def check(self, command):
        for name in re.findall(r"(?<!\S)(?:experiments|slurm|tests)/[\w/.]+", command):
            self.assertTrue((ROOT / name).exists(), f"{name} is not there")
        presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
        for name in re.findall(r"--preset (\w+)", command):
            self.assertIn(name, [preset["name"] for preset in presets])
        runnable, why = substitute(command)
        match = re.search(r"simulate (\S+\.ini) .*--dry-run$", runnable or "")
        if match and runnable != command:
            # A dry run takes some seconds: one for each file, and of the others the settings.
            if match[1] in self.planned:
                runnable = runnable.removesuffix("--dry-run") + "--print-config"
            self.planned.add(match[1])
        if why:
            print(f"{command}: {why}; {'instead: ' + runnable if runnable else 'not run'}")
        if runnable:
            self.shell("bash", "-c", runnable)

    def test_commands(self):
        readme = DOCUMENTS[0]
        done = set()
        for document in DOCUMENTS:
            found = [c for c in commands(document.read_text()) if c not in done]
            self.assertTrue(found or document != readme, "no commands found in the README")
            done.update(found)
            # Those in blocks come first, and the README's make what the others look at.
            for command in found:
                with self.subTest(document=document.name, command=command):
                    self.check(command)
            for block in blocks(document.read_text()):
                if block.lstrip().startswith("import "):
                    with self.subTest(document=document.name, block=block):
                        self.shell("python3", "-c", block)

    def test_fragments_of_configuration(self):
        for document in DOCUMENTS:
            for block in blocks(document.read_text()):
                if block.startswith("["):
                    with self.subTest(document=document.name, block=block):
                        sweep = block.startswith("[sweep]")
                        file = self.copy / "experiments/sweeps/fragment.ini"
                        file.write_text(block)
                        self.shell("build/bin/fedstrata", *(["sweep", "plan", file] if sweep else
                                   ["simulate", file, "--print-config"]))

    def test_experiments(self):
        for experiment in sorted((ROOT / "experiments").glob("*.ini")):
            with self.subTest(experiment.name):
                text = experiment.read_text()
                there = re.search(r"dataset\s*=\s*(fashion-mnist|synthetic)", text)
                option = "--dry-run" if there else "--print-config"
                self.shell("build/bin/fedstrata", "simulate", experiment, option)

    def test_sweeps(self):
        for sweep in sorted((ROOT / "experiments/sweeps").glob("*.ini")):
            with self.subTest(sweep.name):
                self.shell("build/bin/fedstrata", "sweep", "plan", sweep)

    def test_links(self):
        for document in DOCUMENTS:
            text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
            for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
                if not link.startswith("http"):
                    with self.subTest(document=document.name, link=link):
                        self.assertTrue((document.parent / pathlib.Path(link)).exists())


if __name__ == "__main__":
    unittest.main()
