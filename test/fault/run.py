#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the system fail under the programs of a build, one call at a time.

    run.py --build DIRECTORY [--seconds N] [--faults N] [--seed N]
    run.py --build DIRECTORY --job NAME --fault FAULT      one fault again
    run.py --build DIRECTORY --self-test

A FAULT is FAMILY:N:HOW, as in write:3:ENOSPC: the third call of the family of
write() fails so.  HOW can be "short", for one byte in place of all; with
N+ the calls after it fail, too.  inject.c has the families, jobs.py has the
jobs and what must hold after each.

Calls that are few fail one by one; of many, some are drawn by the seed.  Each
problem is told with the line that repeats it.  The last line counts; the
status is 1 if there is a problem.

The self-test runs jobs that are broken on purpose: each must be noticed.
"""
import argparse
import errno
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

sys.dont_write_bytecode = True  # the sources may lie where nobody may write

from jobs import JOURNAL, End, Job, Jobs, Problem, read, write  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 40  # seconds; nothing here takes one

# What the calls of each family can say.
ERRORS = {
    "read": ("EIO",),
    "write": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "close": ("EIO",),
    "rename": ("EIO", "EEXIST", "EACCES"),
    "unlink": ("EIO",),
    "open": ("EMFILE", "EACCES"),
    "stat": ("EIO",),
    "lseek": ("ESPIPE", "EIO"),
    "pthread_create": ("EAGAIN",),
    "random": ("EIO",),
    "fcntl": ("EINVAL",),
    "poll": ("EINTR", "EINVAL"),
    "misc": ("EPERM", "EIO"),
    "malloc": ("ENOMEM",),
}
SHORT = ("read", "write")

ALL_MAX = 25       # calls that fail one by one
FIRST = 12         # of more, these
DRAWN = 13         # and so many of the others
DRAWN_MALLOC = 150


# What is so for a reason that is not in our hands: the job, the problem, and
# the reason.
CRASHED = (r"^signal (6|11), "
           r"changed \[(('f', )?'f.envelope-rewrap'|'\.out\.envelope')?\] "
           r".*crashed in (OSSL_STORE_eof\(\) libcrypto\S+ envelope|"
           r"(\S+\(\) )?(libc\.so\.6 )*libcrypto\S+ libcrypto)")
KNOWN = (
    # libcrypto itself comes to an end where it has no memory, below a call
    # that can tell of that; or OSSL_STORE_attach() had none for a property
    # query, and returns a store without a loader (3.0).  What was there is as
    # it was, or its journal is beside it; what is new has no final name.
    (r"", CRASHED),
)


def is_known(name, problem):
    return any(re.search(job, name) and re.search(what, problem)
               for job, what in KNOWN)


@dataclass(frozen=True)
class Fault:
    family: str
    at: int
    how: str
    on: bool = False

    def __str__(self):
        return f"{self.family}:{self.at}{'+' * self.on}:{self.how}"

    @staticmethod
    def parse(text):
        match = re.fullmatch(r"(\w+):(\d+)(\+?):(\w+)", text)
        if match is None or match[1] not in ERRORS or (
                match[4] != "short" and not hasattr(errno, match[4])):
            raise SystemExit(f"{text}: not a fault")
        return Fault(match[1], int(match[2]), match[4], match[3] == "+")

    def environ(self):
        number = 0 if self.how == "short" else getattr(errno, self.how)
        return {"FAULT_FAMILY": self.family, "FAULT_AT": str(self.at),
                "FAULT_ON": str(int(self.on)), "FAULT_ERRNO": str(number),
                "FAULT_SHORT": str(int(self.how == "short"))}


# --- the library ----------------------------------------------------------

def families():
    """In the order of the numbers."""
    text = read(HERE, "inject.c").decode()
    names = re.findall(r'\bX\([A-Z]+, "(\w+)"\)', text)
    if sorted(names) != sorted(ERRORS):
        raise SystemExit("inject.c and run.py have different families")
    return names


class Harness:
    def __init__(self, build, top):
        self.build = os.path.abspath(build)
        self.top = top
        self.families = families()
        self.sanitizers = os.environ.get("ENVELOPE_SANITIZED", "")
        self.preload = [self.make_library()]
        environ = {name: value for name, value in os.environ.items()
                   if not name.startswith("ENVELOPE_")}
        environ.pop("OPENSSL_CONF", None)
        modules = os.path.join(self.build, ".libs")
        environ.update(OPENSSL_MODULES=modules, ENVELOPE_PRELOAD=os.path.join(
            modules, "envelope-preload.so"))
        if self.sanitizers:
            # Their runtime comes first; other programs' leaks are not ours.
            asan = subprocess.run(["gcc", "-print-file-name=libasan.so"],
                                  check=True, capture_output=True, text=True)
            self.preload.insert(0, asan.stdout.strip())
            environ.update(ASAN_OPTIONS="detect_leaks=0:"
                                        "verify_asan_link_order=0")
        self.environ = environ
        os.mkdir(os.path.join(top, "kept"))  # what jobs compare with

    def make_library(self):
        path = os.path.join(self.top, "inject.so")
        options = ["-DWITHOUT_MALLOC"] if self.sanitizers else []
        subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC",
                        "-pthread", *options, "-o", path,
                        os.path.join(HERE, "inject.c"), "-ldl"], check=True)
        return path

    def run(self, job, fault, place):
        """The job in a fresh directory: how it ended, calls, faults."""
        counts = place + ".counts"
        size = len(self.families) + 1
        write(bytes(8 * size), counts)
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place)
        if job.setup is not None:
            job.setup(place)
        before = contents(place)
        environ = dict(self.environ, **job.environ, FAULT_COUNTS=counts,
                       LD_PRELOAD=" ".join(self.preload))
        if fault is not None:
            environ.update(fault.environ())
        process = subprocess.Popen(
            job.command, cwd=place, env=environ, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        try:
            output, messages = process.communicate(job.stdin, TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Problem(f"it hangs for {TIMEOUT} seconds") from None
        numbers = struct.unpack(f"{size}q", read(counts))
        no_unlink = fault is not None and fault.family == "unlink"
        return (End(place, process.returncode, output, messages, no_unlink,
                    before),
                dict(zip(self.families, numbers)), numbers[-1])

    def judge(self, name, job, fault, place):
        """What is wrong, or None; and the number of faults made."""
        made, end = 1, None
        try:
            end, _, made = self.run(job, fault, place)
            if end.status < 0 and not job.stranger:
                raise Problem(f"signal {-end.status}, changed "
                              f"{changed(end)}")
            job.check(end)
            if fault.family == "pthread_create" and not job.stranger:
                must_go_on(job, end)
        except (Problem, OSError) as problem:
            text = said(end)
            text = f"{problem}" + f" | {text}" * bool(text)
            return None if is_known(name, text) else text, made
        return None, made

    def interrupt(self, job):
        """Where the job has left its journal."""
        place = os.path.join(self.top, "interrupt")
        for at in range(1, 20):
            self.run(job, Fault("write", at, "EIO"), place)
            if JOURNAL in os.listdir(place):
                return place
        raise SystemExit("no write leaves a journal")


def must_go_on(job, end):
    """As if there were no fault."""
    if end.status != job.status:
        raise Problem(f"status {end.status}, not {job.status}")


def contents(place):
    """By name; a directory's own are not looked at."""
    return {name: read(place, name) for name in os.listdir(place)
            if os.path.isfile(os.path.join(place, name))}


def changed(end):
    """The names of what is new, is gone or has other contents."""
    before, after = end.before, contents(end.place)
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name))


def said(end):
    """The end of the messages, if there are any, on one line."""
    text = end.messages.decode(errors="replace") if end is not None else ""
    return " ".join(text.split())[-400:]


# --- the plan -------------------------------------------------------------

def plan(harness, jobs, draw):
    """Each job once without a fault tells what calls there are."""
    faults = []
    for name, job in jobs.items():
        place = os.path.join(harness.top, "plan")
        end, counts, _ = harness.run(job, None, place)
        try:
            job.check(end)
            must_go_on(job, end)
        except Problem as problem:
            raise SystemExit(f"{name} without a fault: {problem} "
                             f"{said(end)}") from None
        for family, count in counts.items():
            faults += [(name, fault)
                       for fault in faults_of(family, count, draw)
                       if not job.stranger or not hangs(fault)]
    draw.shuffle(faults)
    return faults


def hangs(fault):
    """Without any memory the command openssl prints its errors for ever."""
    return fault.family == "malloc" and fault.on


def faults_of(family, count, draw):
    few = range(1, min(count, ALL_MAX if count <= ALL_MAX else FIRST) + 1)
    some = [*few]
    if family == "malloc":
        some = draw.sample(range(1, count + 1), min(count, DRAWN_MALLOC))
    elif count > ALL_MAX:
        some += draw.sample(range(FIRST + 1, count + 1),
                            min(DRAWN, count - FIRST))
    hows = ERRORS[family] + (("short",) if family in SHORT else ())
    return [Fault(family, at, how, on)
            for at in some for how in hows for on in (False, True)]


def run_all(harness, jobs, faults, arguments):
    """The faults in their order until the time is over, by two workers."""
    until = time.monotonic() + (arguments.seconds or 1e9)
    totals = {"runs": 0, "faults": 0}
    problems = []

    def work(i):
        place = os.path.join(harness.top, f"work{i}")
        while queue and time.monotonic() < until:
            name, fault = queue.pop()
            problem, made = harness.judge(name, jobs[name], fault, place)
            totals["runs"] += 1
            totals["faults"] += made > 0
            if problem is not None:
                problems.append((name, fault, problem))
                print(f"PROBLEM {name} {fault}: {problem}\n  again: run.py "
                      f"--build {arguments.build} --job {name} --fault "
                      f"{fault}", flush=True)

    queue = faults[:arguments.faults][::-1]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    return totals, problems


# --- broken on purpose ----------------------------------------------------

def broken(jobs):
    """What each must be found out by, and the job."""
    def sh(check_of, script):
        return Job(["sh", "-c", script], check_of.check, check_of.setup,
                   check_of.stdin)

    tool, decrypt = jobs.envelope, jobs.decrypt("a.tar")
    opened = f"{tool} -d -i ../ops.key ../a.tar"
    sealed = f"{tool} -r ../ops.pub --carrier raw ../plain"
    changed = f"{tool} rewrap -i ../ops.key -r ../new.pub -o new f"
    return {
        "status 0, and not the plaintext":
            sh(decrypt, f"{opened} >out || :"),
        "and not the plaintext":
            sh(decrypt, f"{opened} >out"),
        "left ['new']":
            sh(decrypt, f"{opened} >new && mv new out"),
        "status 0, but it does not open":
            sh(jobs.encrypt("raw"), f"{sealed} >out || :"),
        "what is left does not open":
            sh(jobs.encrypt("raw"), f"{sealed} >out"),
        "signal 11":
            sh(decrypt, f"{opened} >out || {{ rm out; kill -SEGV $$; }}"),
        "LOST":
            sh(jobs.to_new("a.tar"),
               f"{changed} && cat new >f; s=$?; rm -f new; exit $s"),
        "status 0, but the new key does not open it":
            sh(jobs.to_new("a.tar"), f"{changed} && mv new f; rm -f new"),
        "two keys that do not belong together":
            sh(jobs.keygen(), f"{tool} keygen -t p256 -o k.key && "
               "cat k.pub >t; mv t k.pub"),
        "status 0, and no JSON":
            sh(jobs.inspect(), f"{tool} inspect --json ../a.tar; :"),
    }


def self_test(harness, jobs, arguments):
    failed = 0
    for want, job in broken(jobs).items():
        faults = plan(harness, {"broken": job}, random.Random(arguments.seed))
        place = os.path.join(harness.top, "broken")
        # What is broken is broken when a write fails.
        faults.sort(key=lambda item: item[1].family != "write")
        seen = any(want in (harness.judge(name, job, fault, place)[0] or "")
                   for name, fault in faults)
        failed += not seen
        print(f"{'noticed' if seen else 'MISSED'}: {want}", flush=True)
    print(f"{len(broken(jobs)) - failed} noticed, {failed} missed")
    return failed


# --- the command ----------------------------------------------------------

def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build", metavar="DIRECTORY")
    parser.add_argument("--seconds", type=float, metavar="N")
    parser.add_argument("--faults", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--job", metavar="NAME")
    parser.add_argument("--fault", type=Fault.parse)
    parser.add_argument("--self-test", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    top = tempfile.mkdtemp(prefix="envelope-fault.")
    try:
        harness = Harness(arguments.build, top)
        jobs = Jobs(harness.build, top, harness.environ)
        if arguments.self_test:
            return int(self_test(harness, jobs, arguments) > 0)
        chosen = jobs.all(harness.interrupt)
        if arguments.job is not None:
            chosen = {arguments.job: chosen[arguments.job]}
        if arguments.fault is not None:
            faults = [(name, arguments.fault) for name in chosen]
        else:
            faults = plan(harness, chosen, random.Random(arguments.seed))
        totals, problems = run_all(harness, chosen, faults, arguments)
        print(f"seed {arguments.seed}: {totals['runs']} of {len(faults)} "
              f"runs, {totals['faults']} with a fault, {len(problems)} "
              f"problems")
        return int(bool(problems) or totals["faults"] == 0)
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
