# SPDX-License-Identifier: Apache-2.0
"""What the envelope costs the system's bsdtar, as ratios to a plain archive.

Incompressible files are archived to a file and extracted again: plain, through
the launcher with 1 and 2 threads, through --use-compress-program, and through
age in a pipe.
"""
import os
import shutil

import tools
import turns

FILES = 4
DATA = "data"
OUT = "out"


def ways(build):
    """name: (title, kind, archive, extract), as lines for a shell."""
    launcher = (f"ENVELOPE_PRELOAD={build}/.libs/envelope-preload.so "
                f"{build}/bsdtar-envelope")
    private, public = tools.OWN_KEYS
    found = {"plain": ("`bsdtar`, plain", "limit", "bsdtar -cf plain.tar data",
                       "bsdtar -xf plain.tar -C out")}
    for threads in (1, 2):
        words = f"envelope:threads={threads}"
        found[f"ours-j{threads}"] = (
            f"`bsdtar --add-filter envelope`, threads={threads}", "ours",
            f"{launcher} --add-filter envelope --options "
            f"envelope:recipient={public},{words} -cf ours.tar data",
            f"{launcher} --options envelope:identity={private},{words} "
            "-xf ours.tar -C out")
    program = f"bsdtar --use-compress-program '{build}/envelope"
    found["program"] = (
        "`bsdtar --use-compress-program envelope`", "ours",
        f"{program} -r {public}' -cf program.tar data",
        f"{program} -d -i {private}' -xf program.tar -C out")
    if shutil.which("age"):
        private, public = tools.AGE_KEYS
        found["age"] = (
            "`bsdtar`, `age` in a pipe", "peer",
            f"bsdtar -cf - data | age -R {public} >aged.tar",
            f"age -d -i {private} aged.tar | bsdtar -xf - -C out")
    return found


def _make_files(bench):
    os.mkdir(f"{bench.work}/{DATA}")
    part = bench.size // FILES
    with open(f"{bench.work}/plain", "rb") as source:
        for index in range(FILES):
            with open(f"{bench.work}/{DATA}/{index}", "wb") as file:
                shutil.copyfileobj(_Part(source, part), file, 1 << 20)


class _Part:
    """So many bytes of a file, to read."""

    def __init__(self, file, size):
        self.file = file
        self.left = size

    def read(self, size):
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data


def _empty(bench):
    shutil.rmtree(f"{bench.work}/{OUT}", ignore_errors=True)
    os.mkdir(f"{bench.work}/{OUT}")


def _run_one(bench, way, turn):
    """Archive and extract; the archive goes away with its turn."""
    _, _, archive, extract = way
    _empty(bench)
    taken = {"encrypt": bench.runner.shell(archive),
             "decrypt": bench.runner.shell(extract)}
    if turn == 0:
        bench.runner.shell("diff -r data out/data")
    _empty(bench)
    bench.runner.shell("rm -f *.tar")
    return taken


def group(bench):
    if not shutil.which("bsdtar"):
        return "bsdtar is not installed"
    title = "bsdtar -cf and -xf, files in memory (tmpfs)"
    found = ways(bench.build)
    _make_files(bench)
    try:
        samples = turns.take(
            list(found), bench.turns,
            lambda name, turn: _run_one(bench, found[name], turn), title)
    finally:
        shutil.rmtree(f"{bench.work}/{DATA}")
        shutil.rmtree(f"{bench.work}/{OUT}", ignore_errors=True)
    return {
        "title": title,
        "bytes": bench.size // FILES * FILES,
        "reference": "plain",
        "ways": {name: {"title": way[0], "kind": way[1],
                        "samples": samples[name]}
                 for name, way in found.items()},
    }
