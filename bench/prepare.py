# SPDX-License-Identifier: Apache-2.0
"""What a run stands on: packages, an optimised build, data to measure with."""
import os
import subprocess

import tools
import turns
from measure import Failed, Runner

PROGRAMS = ("bench/gcm_loop", "bench/small", "bench/timed")
CFLAGS = "CFLAGS=-O2"
MAKE = os.environ.get("MAKE", "make")
MIB = 1 << 20

# The plain file, an encrypted one, one that came back, and something over.
ROOM = 4


def _make(source, command, **options):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          errors="replace", **{"cwd": source, **options})
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}:\n{done.stdout[-2000:]}")


def packages(source):
    _make(source, ["./packages", "bench"])


def build(source, directory, *options):
    """Configure and build as a distribution would, without debugging."""
    turns.say(f"building in {os.path.relpath(directory)}")
    if not os.path.exists(f"{source}/configure"):
        _make(source, ["./bootstrap"])
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(f"{directory}/Makefile"):
        _make(directory, [f"{source}/configure", "-q", CFLAGS, *options])
    _make(directory, [MAKE, "-s", f"-j{os.cpu_count()}", "all"])
    programs(directory)


def programs(directory):
    """Those that only the bench needs."""
    _make(directory, [MAKE, "-s", *PROGRAMS])


def available_memory():
    """Bytes that can be had without swapping."""
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def check_room(directory, size):
    """Better said now than in the middle: files in memory are memory."""
    status = os.statvfs(directory)
    room = min(status.f_bavail * status.f_frsize, available_memory())
    if room < ROOM * size:
        raise Failed(f"{directory}: {ROOM * size // MIB} MiB are needed and "
                     f"{room // MIB} MiB are there: use --size or --dir")


def environment(work):
    """Nothing of the caller's: no configuration, no keys, no language."""
    return {"PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}"
                    ":/usr/sbin:/sbin",
            "HOME": work, "LC_ALL": "C"}


class Bench:
    """What every group needs to know; and the directory, which goes away."""

    def __init__(self, build_directory, other_build, work, options):
        self.build = build_directory
        self.other_build = other_build  # with libipsec-mb, or None
        self.work = work
        self.size = options.size * MIB
        self.turns = options.turns
        self.quick = options.quick
        self.env = environment(work)
        self.runner = Runner(f"{build_directory}/bench/timed", work, self.env)

    def fill(self):
        """Data that no compression shrinks, and keys."""
        turns.say(f"{self.size // MIB} MiB of random data")
        with open(f"{self.work}/plain", "wb") as file:
            for _ in range(self.size // MIB):
                file.write(os.urandom(MIB))
        tools.make_keys(self.build, self.work, self.env)

    def output(self, command, **env):
        """The lines that a command prints."""
        done = subprocess.run(command, check=False, cwd=self.work, text=True,
                              env={**self.env, **env}, capture_output=True)
        if done.returncode != 0:
            raise Failed(f"{command[0]}: {done.stderr[-1000:]}")
        return done.stdout.splitlines()

    def memory_for(self, size):
        return available_memory() > size

    def close(self):
        tools.stop_agents(self.work, self.env)
