# SPDX-License-Identifier: Apache-2.0
"""The faces of the project for faces.py: how each is run, and what it left.

A face gets what is under test in its own words: options of a command, pairs of
an option and its value, variables of the environment.  Everything else that it
needs is good, and is put there by the face.
"""
import collections
import os
import shutil
import subprocess
import threading

TIMEOUT = 60

# What a cell of the table gives a face.
Given = collections.namedtuple("Given", "args env", defaults=((), {}))

# What came of it: status is None where a line of text is all there is.
Result = collections.namedtuple("Result", "status said out left")


class Place:
    """Where everything is: programs of the build, and a directory."""

    def __init__(self, directory):
        build = os.path.abspath(os.environ["top_builddir"])
        self.directory = directory
        self.envelope = os.path.join(build, "envelope")
        self.program = os.path.join(build, "test/faces/faces")
        self.bsdtar = os.path.join(directory, "bin/bsdtar")
        self.openssl = os.environ.get("OPENSSL", "openssl")
        launcher = os.environ.get("ENVELOPE_LAUNCHER",
                                  build + "/bsdtar-envelope")
        os.mkdir(os.path.dirname(self.bsdtar))
        os.symlink(launcher, self.bsdtar)
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("ENVELOPE_", "TAR_"))
                    and name != "OPENSSL_CONF"}
        self.env.update(LC_ALL="C", OPENSSL_MODULES=os.environ.get(
            "ENVELOPE_MODULES", build + "/.libs"))
        self.env["PATH"] = os.path.dirname(self.bsdtar) + ":" + \
            self.env["PATH"]
        self.env["ENVELOPE_PRELOAD"] = os.environ.get(
            "ENVELOPE_PRELOAD", build + "/.libs/envelope-preload.so")
        # An instrumented module needs its runtime in the program that loads
        # it, whose own leaks are not ours.
        self.stranger = {}
        if os.environ.get("ENVELOPE_SANITIZED"):
            self.stranger = {
                "LD_PRELOAD": subprocess.run(
                    ["gcc", "-print-file-name=libasan.so"],
                    stdout=subprocess.PIPE, text=True).stdout.strip(),
                "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}

    def path(self, *names):
        return os.path.join(self.directory, *names)


class Cell:
    """A row of the table in the column of one face."""

    def __init__(self, place, number, row, face, given, prefix):
        self.place, self.row, self.face = place, row, face
        self.given, self.prefix = given, prefix
        self.directory = place.path("cells", str(number))
        self.out = os.path.join(self.directory, "out")
        self.line = None  # the answer of the program, if it is one of its
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o777)

    def fixture(self, suffix):
        return self.place.path("sealed", self.row.sealed + suffix)

    def run(self, argv, env=None):
        return subprocess.run(
            [*self.prefix, *argv], cwd=self.directory, timeout=TIMEOUT,
            env={**self.place.env, **self.given.env, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)

    def result(self, ran, before=None):
        """before: the bytes that must still be under the final name."""
        have = sorted(os.listdir(self.directory))
        left = [name for name in have if name != "out"]
        if "out" in have and load(self.out) != (before or b""):
            left.append("out")
        said = (ran.stderr + ran.stdout).decode(errors="replace")
        return Result(ran.returncode, said, self.out, left)


def load(path):
    with open(path, "rb") as file:
        return file.read()


# --- the command ------------------------------------------------------------


def encrypts(cell):
    place = cell.place
    return cell.result(cell.run([
        place.envelope, "encrypt", "--carrier=raw", *cell.given.args, "-o",
        cell.out, place.path("plain")]))


def decrypts(*how):
    """A range is read by another way through the file."""
    def run(cell):
        return cell.result(cell.run([
            cell.place.envelope, "decrypt", *how, *cell.given.args, "-o",
            cell.out, cell.fixture(".env")]))
    return run


def verifies(cell):
    return cell.result(cell.run([cell.place.envelope, "verify",
                                 *cell.given.args, cell.fixture(".env")]))


def rewraps(option, key, sealed=None):
    """In place: what is left must be what was there."""
    def run(cell):
        source = cell.place.path("sealed", (sealed or cell.row.sealed) + ".env")
        shutil.copy(source, cell.out)
        os.chmod(cell.out, 0o666)
        return cell.result(cell.run([
            cell.place.envelope, "rewrap", option, cell.place.path(key),
            *cell.given.args, cell.out]), load(source))
    return run


def fingerprints(cell):
    return cell.result(cell.run([cell.place.envelope, "fingerprint",
                                 *cell.given.args]))


def makes_key(cell):
    return cell.result(cell.run([cell.place.envelope, "keygen", "-o",
                                 cell.out, *cell.given.args]))


# --- bsdtar -----------------------------------------------------------------


def bsdtar(cell, *argv):
    options = b",".join(os.fsencode(arg) for arg in cell.given.args)
    return cell.run([cell.place.bsdtar, *argv[:1],
                     *([b"--options", options] if options else []),
                     *argv[1:]], cell.place.stranger)


def bsdtar_writes(cell):
    return cell.result(bsdtar(cell, "--add-filter=envelope", "-cf", cell.out,
                              "-C", cell.place.path(), "plain"))


def bsdtar_reads(cell):
    ran = bsdtar(cell, "-s,plain,out,", "-xf", cell.fixture(".tar"))
    return cell.result(ran)


# --- openssl enc ------------------------------------------------------------


def openssl(cell, *argv):
    """-K 0 unless the cell says something else."""
    key = cell.given.args or ("-K", "0")
    return cell.result(cell.run([
        cell.place.openssl, "enc", "-provider", "envelope", "-envelope", *key,
        "-out", cell.out, *argv], cell.place.stranger))


def openssl_encrypts(cell):
    return openssl(cell, "-in", cell.place.path("plain"))


def openssl_decrypts(cell):
    return openssl(cell, "-d", "-in", cell.fixture(".env"))


# --- programs: many cases in one process ------------------------------------


def program(face, suffix):
    """A face of the program beside this file; suffix of what it reads."""
    def run(cell):
        said = cell.line
        ran = subprocess.CompletedProcess(
            [], 0 if said == "ok" else 1, b"", said.encode())
        return cell.result(ran)

    def line(cell):
        source = cell.fixture(suffix) if suffix else cell.place.path("plain")
        words = [face, source, cell.out]
        for name, value in cell.given.args:
            words += [name, "=" + os.fsencode(value).hex()]
        return "\t".join(words) + "\n"
    run.line = line
    return run


def run_programs(cells):
    """Have each of the cells its line, with as few processes as they can be
    run by; a process that dies is a failure of all its cells."""
    batches = collections.defaultdict(list)
    for cell in cells:
        if hasattr(cell.face.run, "line"):
            key = tuple(sorted(cell.given.env.items())), tuple(cell.prefix)
            batches[key].append(cell)
    for batch in batches.values():
        ran = subprocess.run(
            [*batch[0].prefix, batch[0].place.program],
            env={**batch[0].place.env, **batch[0].given.env},
            input="".join(cell.face.run.line(cell) for cell in batch).encode(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, timeout=10 * TIMEOUT)
        lines = ran.stdout.decode(errors="replace").splitlines()
        if ran.returncode != 0 or len(lines) != len(batch):
            lines = ["status %d, %d lines of %d: %s" % (
                ran.returncode, len(lines), len(batch),
                ran.stderr.decode(errors="replace"))] * len(batch)
        for cell, line in zip(batch, lines):
            cell.line = line


def run_all(cells):
    """The results of all cells, in their order: two at a time, and beside
    them what is run in few processes."""
    results = [None] * len(cells)
    todo = iter([i for i, cell in enumerate(cells)
                 if not hasattr(cell.face.run, "line")])
    lock = threading.Lock()
    errors = []

    def work():
        try:
            while True:
                with lock:
                    i = next(todo, None)
                if i is None:
                    return
                results[i] = cells[i].face.run(cells[i])
        except Exception as error:  # of the test itself
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    run_programs(cells)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [cell.face.run(cell) if result is None else result
            for cell, result in zip(cells, results)]
