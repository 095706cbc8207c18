# SPDX-License-Identifier: Apache-2.0
"""Runs one command line and says what it took.

Every process of a pipe is started by bench/timed, which has its own times and
peak memory from wait4(): Python's own size and start-up are in none of them.
"""
import dataclasses
import os
import subprocess


class Failed(Exception):
    """A command failed: what it said is the message."""


@dataclasses.dataclass
class Line:
    """Processes with pipes between them; counted is the one that matters."""
    stages: list
    stdin: str = os.devnull
    stdout: str = os.devnull
    env: dict = dataclasses.field(default_factory=dict)
    counted: int = -1


class Runner:
    """Runs lines in one directory, with one program that takes the time."""

    def __init__(self, timed, work, env):
        self.timed = timed
        self.work = work
        self.env = env

    def run(self, line):
        """The sample of one line: seconds, and MiB of the counted process."""
        children = self._start(line)
        status = [child.wait() for child in children]
        if any(status):
            raise Failed(self._complaint(line, status))
        return self._sample(line)

    def shell(self, command, **options):
        """A line that bash reads; it fails with any part of it."""
        return self.run(Line([["bash", "-eo", "pipefail", "-c", command]],
                             **options))

    def _path(self, what, index):
        return os.path.join(self.work, f"{what}.{index}")

    def _start(self, line):
        env = {**self.env, **line.env}
        children = []
        before = os.open(os.path.join(self.work, line.stdin), os.O_RDONLY)
        for index, argv in enumerate(line.stages):
            after, out = self._output(line, index)
            with open(self._path("stderr", index), "wb") as complaints:
                children.append(subprocess.Popen(
                    [self.timed, self._path("used", index)] + argv,
                    stdin=before, stdout=out, stderr=complaints,
                    cwd=self.work, env=env))
            os.close(before)
            os.close(out)
            before = after
        return children

    def _output(self, line, index):
        """Where the next process reads, if there is one, and this writes."""
        if index < len(line.stages) - 1:
            return os.pipe()
        path = os.path.join(self.work, line.stdout)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return None, os.open(path, flags, 0o644)

    def _complaint(self, line, status):
        words = []
        for index, code in enumerate(status):
            if code != 0:
                with open(self._path("stderr", index), errors="replace") as f:
                    said = f.read()[-1000:]
                words.append(f"{' '.join(line.stages[index])}: status "
                             f"{code}\n{said}")
        return "\n".join(words)

    def _sample(self, line):
        used = []
        for index in range(len(line.stages)):
            with open(self._path("used", index)) as file:
                used.append([float(word) for word in file.read().split()])
        _, _, user, system, peak, _ = used[line.counted]
        return {
            "wall": max(one[1] for one in used) - min(one[0] for one in used),
            "cpu": user + system,
            "user": user,
            "sys": system,
            "peak_mib": peak / 1024,
            "cpu_all": sum(one[2] + one[3] for one in used),
        }
