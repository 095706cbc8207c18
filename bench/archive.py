#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the envelope costs bsdtar, in one run, as ratios.

    bench/archive.py BUILD-DIRECTORY [--dir DIRECTORY] [--size MIB] [--turns N]

Archives and extracts incompressible files with the system's own bsdtar: plain,
through the launcher with 1 and 2 threads, through `| age` (if it is
installed) and through --use-compress-program.  The ways take turns; a ratio is
the median of the ratios of all turns to the plain one of the same turn.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--dir", default=None, help="where to work")
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--turns", type=int, default=7)
    return parser.parse_args()


def run(command, cwd):
    """Seconds that a shell command takes."""
    start = time.monotonic()
    subprocess.run(["bash", "-eo", "pipefail", "-c", command], cwd=cwd,
                   check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def prepare(work, size):
    """Keys, and four files of random bytes."""
    os.mkdir(f"{work}/data")
    for i in range(4):
        with open(f"{work}/data/{i}", "wb") as file:
            for _ in range(size // 4):
                file.write(os.urandom(1 << 20))
    run("openssl genpkey -algorithm X25519 -out ops.key 2>/dev/null;"
        "openssl pkey -in ops.key -pubout -out ops.pem", work)
    if shutil.which("age"):
        run("age-keygen -o age.key 2>/dev/null;"
            "age-keygen -y age.key >age.pub", work)


def ways(build, work):
    """name: (archive, extract); each writes and reads a file of its own."""
    launcher = (f"ENVELOPE_PRELOAD={build}/.libs/envelope-preload.so "
                f"{build}/bsdtar")
    envelope = f"{build}/envelope"
    identity = f"--options envelope:identity={work}/ops.key"
    found = {
        "plain": ("bsdtar -cf plain data", "bsdtar -xf plain -C out"),
    }
    for threads in (1, 2):
        name = f"envelope-{threads}"
        found[f"envelope, threads={threads}"] = (
            f"{launcher} --add-filter envelope --options "
            f"envelope:recipient={work}/ops.pem,envelope:threads={threads} "
            f"-cf {name} data",
            f"{launcher} {identity},envelope:threads={threads} "
            f"-xf {name} -C out")
    found["--use-compress-program envelope"] = (
        f"bsdtar --use-compress-program '{envelope} -r {work}/ops.pem' "
        "-cf program data",
        f"bsdtar --use-compress-program '{envelope} -d -i {work}/ops.key' "
        "-xf program -C out")
    if shutil.which("age"):
        found["bsdtar | age"] = (
            "bsdtar -cf - data | age -R age.pub >aged",
            "age -d -i age.key aged | bsdtar -xf - -C out")
    return found


def measure(found, work, turns):
    """Seconds of each way, turn by turn; the first turn is for warming up."""
    times = {name: ([], []) for name in found}
    for turn in range(turns + 1):
        for name, commands in found.items():
            for which, command in enumerate(commands):
                shutil.rmtree(f"{work}/out", ignore_errors=True)
                os.mkdir(f"{work}/out")
                seconds = run(command, work)
                if turn > 0:
                    times[name][which].append(seconds)
    return times


def main():
    options = arguments()
    build = os.path.abspath(options.build)
    work = tempfile.mkdtemp(prefix="envelope-bench.", dir=options.dir)
    try:
        prepare(work, options.size)
        times = measure(ways(build, work), work, options.turns)
    finally:
        shutil.rmtree(work)
    print("| way | -cf MiB/s | ratio | -xf MiB/s | ratio |")
    print("|---|---|---|---|---|")
    for name, columns in times.items():
        cells = []
        for which, seconds in enumerate(columns):
            ratio = statistics.median(
                plain / own
                for plain, own in zip(times["plain"][which], seconds))
            rate = options.size / statistics.median(seconds)
            cells += [f"{rate:.0f}", f"{ratio:.2f}"]
        escaped = name.replace("|", "\\|")
        print("| " + " | ".join([escaped] + cells) + " |")


if __name__ == "__main__":
    main()
