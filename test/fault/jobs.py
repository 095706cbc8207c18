# SPDX-License-Identifier: Apache-2.0
"""The jobs that run.py makes fail, and what must hold after each of them.

A job runs in an empty directory of its own beside the files that prepare()
makes.  It has a command, perhaps some files to begin with, and a check, which
raises Problem.  Whatever fails: what has the final name is whole, status 0 is
the truth, nothing else is left over, and no key or file is lost.
"""
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field

CHUNK = 16384
JOURNAL = "f.envelope-rewrap"  # documented in envelope-rewrap(1)


class Problem(Exception):
    """Something that must not be, whatever fails."""


@dataclass
class End:
    """How a command ended."""
    place: str
    status: int
    output: bytes
    messages: bytes
    no_unlink: bool  # what is to be removed cannot be
    before: dict     # the files that the job found, by name


@dataclass
class Job:
    command: list
    check: object           # of End
    setup: object = None    # of the directory
    stdin: bytes = b""
    environ: dict = field(default_factory=dict)
    stranger: bool = False  # the process is a program that is not ours
    status: int = 0         # without a fault


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def write(data, *path):
    with open(os.path.join(*path), "wb") as file:
        file.write(data)


def steady_text(length):
    """Different blocks, none of them zeros, the same each time."""
    blocks = (hashlib.sha512(b"%d" % i).digest() for i in range(length // 64))
    return b"".join(blocks)


def must(condition, text):
    if not condition:
        raise Problem(text)


def must_have(end, *names):
    """These files and no others, if they could be removed."""
    found = set(os.listdir(end.place))
    must(found == set(names) or (end.no_unlink and found > set(names)),
         f"status {end.status}, left {sorted(found)}")


class Jobs:
    """All jobs by name, for the programs of a build."""

    def __init__(self, build, top, environ):
        self.envelope = os.path.join(build, "envelope")
        self.bsdtar = os.path.join(build, "bsdtar-envelope")
        self.top = top
        self.environ = environ
        self.plain = steady_text(300032)
        self.prepare()

    # --- what the jobs work on --------------------------------------------

    def run(self, *command, place=None, **more):
        return subprocess.run(command, cwd=place or self.top, check=False,
                              env=self.environ, stdin=subprocess.DEVNULL,
                              capture_output=True, **more)

    def make(self, *command):
        done = self.run(*command)
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.stderr.decode()}")

    def prepare(self):
        write(self.plain, self.top, "plain")
        write(bytes(range(32)), self.top, "kek")
        for name, kind in (("ops", "x25519"), ("new", "p256"),
                           ("host", "ed25519")):
            self.make(self.envelope, "keygen", "-t", kind, "-o", name + ".key")
        for carrier in "tar", "xbstream", "raw":
            self.make(self.envelope, "-r", "ops.pub", "--carrier", carrier,
                      "--reserve", "2000", "-o", "a." + carrier,
                      *self.pieces(carrier), "plain")
        self.make(self.envelope, "-r", "ops.pub", "-s", "host.key",
                  "--carrier", "raw", "-o", "signed.raw", "plain")
        damaged = bytearray(read(self.top, "a.tar"))
        damaged[70000] ^= 1
        write(damaged, self.top, "damaged.tar")
        self.make(self.bsdtar, "-cf", "archive.tar", "--add-filter",
                  "envelope", "--options", "envelope:recipient=ops.pub",
                  "plain")

    @staticmethod
    def pieces(carrier):
        return [] if carrier == "raw" else ["--piece-size", "65536"]

    # --- what is found afterwards -----------------------------------------

    def opens(self, end, name, *identity):
        """Is it whole, and is the key of the options one of its keys?"""
        path = os.path.join(end.place, name)
        done = self.run(self.envelope, "-d", *identity, path)
        return done.returncode == 0 and done.stdout == self.plain

    def opens_for_ops(self, end, name="out"):
        return self.opens(end, name, "-i", "ops.key")

    # --- encryption -------------------------------------------------------

    def encrypt(self, carrier):
        def check(end):
            if end.status == 0:
                must_have(end, "out")
                must(self.opens_for_ops(end), "status 0, but it does not open")
            elif os.listdir(end.place):
                must_have(end, "out")
                must(self.opens_for_ops(end), "what is left does not open")
        return Job([self.envelope, "-r", "../ops.pub", "-r", "../new.pub",
                    "--carrier", carrier, *self.pieces(carrier), "-o", "out",
                    "../plain"], check)

    def encrypt_pipe(self):
        def check(end):
            must_have(end)
            if end.status == 0:
                write(end.output, end.place, "out")
                must(self.opens_for_ops(end), "status 0, but it does not open")
        return Job([self.envelope, "-r", "../ops.pub", "--carrier",
                    "xbstream"], check, stdin=self.plain)

    def encrypt_program(self):
        """What a program writes: calls fail there, too."""
        job = self.encrypt("tar")
        job.command = [*job.command[:-1], "--", "cat", "../plain"]
        return job

    def encrypt_signed(self):
        """What has the final name is signed."""
        def check(end):
            if end.status == 0:
                must_have(end, "out")
            if os.listdir(end.place):
                must_have(end, "out")
                must(self.opens(end, "out", "-i", "ops.key", "--signed-by",
                                "host.pub"), "it is not signed, or not whole")
        return Job([self.envelope, "-r", "../ops.pub", "-s", "../host.key",
                    "--carrier", "raw", "-o", "out", "../plain"], check)

    # --- decryption -------------------------------------------------------

    def decrypt_unsigned(self):
        """Whatever fails, nothing comes out of what is not signed."""
        def check(end):
            must(end.status != 0, "status 0 for what nobody has signed")
            must(not end.output, "plaintext of what nobody has signed")
            must_have(end)
        return Job([self.envelope, "-d", "-i", "../ops.key", "--signed-by",
                    "../host.pub", "../a.raw"], check, status=4)

    def decrypt(self, name, *options, want=None):
        want = self.plain if want is None else want

        def check(end):
            if end.status == 0:
                must_have(end, "out")
            if os.listdir(end.place):
                must_have(end, "out")
                must(read(end.place, "out") == want,
                     f"status {end.status}, and not the plaintext")
        return Job([self.envelope, "-d", "-i", "../ops.key", *options, "-o",
                    "out", "../" + name], check)

    def decrypt_pipe(self):
        def check(end):
            must_have(end)
            must(end.status != 0 or end.output == self.plain,
                 "status 0, and not the plaintext")
            must(self.plain.startswith(end.output), "what came is no prefix")
        return Job([self.envelope, "-d", "-i", "../ops.key"], check,
                   stdin=read(self.top, "a.xbstream"))

    def decrypt_program(self):
        def check(end):
            must(end.status != 0 or read(end.place, "out") == self.plain,
                 "status 0, and not the plaintext")
            must(end.status != 0 or os.path.exists(
                os.path.join(end.place, "whole")), "status 0, and no end")
        return Job([self.envelope, "-d", "-i", "../ops.key", "../a.raw", "--",
                    "sh", "-c", "cat >out && : >whole"], check)

    def salvage(self, name, status=0):
        """If there are holes they are zeros, and the rest is right."""
        def check(end):
            if end.status not in (0, 6) and not os.listdir(end.place):
                return
            must_have(end, "out")
            out = read(end.place, "out")
            must(end.status != 0 or out == self.plain,
                 "status 0, and not the plaintext")
            must(len(out) <= len(self.plain), "more than the plaintext")
            for at in range(0, len(out), CHUNK):
                part = out[at:at + CHUNK]
                must(part == self.plain[at:at + len(part)] or not any(part),
                     f"neither plaintext nor zeros at {at}")
        return Job([self.envelope, "-d", "-i", "../ops.key", "--salvage",
                    "-o", "out", "../" + name], check, status=status)

    # --- looking ----------------------------------------------------------

    def same_report(self, *words):
        """Status 0 says what it says without a fault."""
        command = [self.envelope, *words]
        want = self.run(*command, place=os.path.join(self.top, "kept")).stdout

        def check(end):
            must_have(end)
            must(end.status != 0 or end.output == want,
                 f"status 0, and another report: {end.output[:300]}")
        return Job(command, check)

    def inspect(self):
        """What is not known is null."""
        command = [self.envelope, "inspect", "--json", "../a.tar"]
        want = json.loads(self.run(
            *command, place=os.path.join(self.top, "kept")).stdout)

        def check(end):
            must_have(end)
            if end.status != 0:
                return
            try:
                found = json.loads(end.output)
            except ValueError:
                raise Problem("status 0, and no JSON") from None
            must(found.keys() == want.keys(), "status 0, and other names")
            for name, value in found.items():
                must(value is None or value == want[name],
                     f"status 0, and another report: {name} is {value}")
        return Job(command, check)

    def verify(self, *options):
        return self.same_report("verify", "-i", "../ops.key", *options,
                                "../a.tar")

    def verify_damaged(self):
        def check(end):
            must_have(end)
            must(end.status != 0, "status 0 for a damaged file")
        return Job([self.envelope, "verify", "-i", "../ops.key",
                    "--keep-going", "../damaged.tar"], check, status=5)

    # --- rewrap -----------------------------------------------------------

    def recovers(self, end, identity):
        """Either key opens f when --recover has done its work."""
        done = self.run(self.envelope, "rewrap", "--recover",
                        os.path.join(end.place, "f"))
        return done.returncode == 0 and (
            self.opens(end, "f", *identity) or self.opens_for_ops(end, "f"))

    def rewrap(self, name, options, identity):
        """In place, with the options that let identity open it."""
        before = read(self.top, name)

        def setup(place):
            write(before, place, "f")

        def check(end):
            left = os.listdir(end.place)
            if end.status == 0:
                must_have(end, "f")
                must(self.opens(end, "f", *identity),
                     "status 0, but the new key does not open it")
            elif read(end.place, "f") == before \
                    or self.opens(end, "f", *identity):
                must(set(left) <= {"f", JOURNAL}, f"left {left}")
            else:
                must(JOURNAL in left, "LOST: no key opens it, no journal")
                must_have(end, "f", JOURNAL)
                must(self.recovers(end, identity), "LOST: no recovery")
        return Job([self.envelope, "rewrap", "-i", "../ops.key", *options,
                    "f"], check, setup)

    def to_new(self, name):
        return self.rewrap(name, ["-r", "../new.pub"], ["-i", "new.key"])

    def rewrap_new_file(self):
        def check(end):
            left = os.listdir(end.place)
            must(set(left) <= {"out"}, f"left {left}")
            must(end.status != 0 or left, "status 0, no file")
            must(not left or self.opens(end, "out", "-i", "new.key"),
                 f"status {end.status}, a new file that does not open")
            must(read(self.top, "a.tar") == before, "the old file changed")
        before = read(self.top, "a.tar")
        return Job([self.envelope, "rewrap", "-i", "../ops.key", "-r",
                    "../new.pub", "-o", "out", "../a.tar"], check)

    def recover(self, interrupted):
        """As after a crash: interrupted() leaves a journal with the file, and
        half of what is in the journal may be written."""
        kept = os.path.join(self.top, "interrupted")
        shutil.copytree(interrupted(self.to_new("a.tar")), kept)
        torn = bytearray(read(kept, "f"))
        torn[600:700] = bytes(100)
        write(torn, kept, "f")

        def setup(place):
            shutil.copytree(kept, place, dirs_exist_ok=True)

        def check(end):
            if end.status == 0:
                must_have(end, "f")
            if not self.opens(end, "f", "-i", "new.key"):
                must(end.status != 0, "status 0, but it does not open")
                must_have(end, "f", JOURNAL)
                must(self.recovers(end, ["-i", "new.key"]),
                     "LOST: no recovery")
        return Job([self.envelope, "rewrap", "--recover", "f"], check, setup)

    # --- keys -------------------------------------------------------------

    def keygen(self):
        """Both, or none.  With another status than 0 both are there when it
        could not be told."""
        def check(end):
            if end.status == 0 or os.listdir(end.place):
                must_have(end, "k.key", "k.pub")
                self.must_belong_together(end)
        return Job([self.envelope, "keygen", "-t", "p256", "-o", "k.key"],
                   check)

    def keygen_force(self):
        """The old private key is the only one for what was encrypted."""
        def setup(place):
            for ending in ".key", ".pub":
                shutil.copy(os.path.join(self.top, "ops" + ending),
                            os.path.join(place, "k" + ending))

        def check(end):
            left = os.listdir(end.place)
            if end.status == 0:
                must_have(end, "k.key", "k.pub")
            if old not in [read(end.place, name) for name in left]:
                must_have(end, "k.key", "k.pub")
                self.must_belong_together(end)
            # What could not go back to its name, or be removed, is told.
            for name in left:
                must(name in ("k.key", "k.pub")
                     or name.encode() in end.messages,
                     f"status {end.status}, left {name}")
        old = read(self.top, "ops.key")
        return Job([self.envelope, "keygen", "-f", "-t", "p256", "-o",
                    "k.key"], check, setup)

    def must_belong_together(self, end):
        public = self.run("openssl", "pkey", "-in", "k.key", "-pubout",
                          place=end.place).stdout
        must(public == read(end.place, "k.pub"),
             "two keys that do not belong together")

    # --- other programs: they may leave a file, but not with status 0 ------

    def bsdtar_create(self):
        def check(end):
            if end.status == 0:
                done = self.run(self.envelope, "-d", "-i", "ops.key",
                                os.path.join(end.place, "out"))
                plain = subprocess.run(["tar", "-xO"], input=done.stdout,
                                       capture_output=True, check=False)
                must(plain.stdout == self.plain,
                     "status 0, but it does not open")
            elif os.path.exists(os.path.join(end.place, "out")):
                must(self.plain[:64] not in read(end.place, "out"),
                     "plaintext in the archive")
        return Job([self.bsdtar, "-cf", "out", "--add-filter", "envelope",
                    "--options", "envelope:recipient=../ops.pub", "-C", "..",
                    "plain"], check, stranger=True)

    def bsdtar_extract(self):
        def check(end):
            must(end.status != 0 or end.output == self.plain,
                 "status 0, and not the plaintext")
        return Job([self.bsdtar, "-xOf", "../archive.tar", "--options",
                    "envelope:identity=../ops.key"], check, stranger=True)

    def openssl_enc(self, variable, key, options, check):
        return Job(["openssl", "enc", "-provider", "envelope", "-envelope",
                    "-K", "0", *options, "-out", "out"], check,
                   environ={variable: key}, stranger=True)

    def openssl_encrypt(self):
        def check(end):
            must(end.status != 0 or self.opens_for_ops(end),
                 "status 0, but it does not open")
        return self.openssl_enc("ENVELOPE_RECIPIENTS", "../ops.pub",
                                ["-in", "../plain"], check)

    def openssl_decrypt(self):
        def check(end):
            must(end.status != 0 or read(end.place, "out") == self.plain,
                 "status 0, and not the plaintext")
        return self.openssl_enc("ENVELOPE_IDENTITIES", "../ops.key",
                                ["-d", "-in", "../a.raw"], check)

    # --- all of them ------------------------------------------------------

    def all(self, interrupted):
        to_kek = ["--add", "-k", "../kek"], ["-k", "kek"]
        return {
            "encrypt-tar": self.encrypt("tar"),
            "encrypt-xbstream": self.encrypt("xbstream"),
            "encrypt-raw": self.encrypt("raw"),
            "encrypt-pipe": self.encrypt_pipe(),
            "encrypt-program": self.encrypt_program(),
            "encrypt-signed": self.encrypt_signed(),
            "decrypt-signed": self.decrypt("signed.raw", "--signed-by",
                                           "../host.pub"),
            "decrypt-unsigned": self.decrypt_unsigned(),
            "decrypt-tar": self.decrypt("a.tar"),
            "decrypt-xbstream": self.decrypt("a.xbstream"),
            "decrypt-raw": self.decrypt("a.raw"),
            "decrypt-pipe": self.decrypt_pipe(),
            "decrypt-program": self.decrypt_program(),
            "range": self.decrypt("a.tar", "--range", "0:999999"),
            "range-middle": self.decrypt("a.xbstream", "--range",
                                         "16000:50000",
                                         want=self.plain[16000:66000]),
            "salvage": self.salvage("a.tar"),
            "salvage-damaged": self.salvage("damaged.tar", status=6),
            "verify": self.verify(),
            "verify-all": self.verify("--keep-going"),
            "verify-header": self.verify("--header"),
            "verify-damaged": self.verify_damaged(),
            "rewrap-tar": self.to_new("a.tar"),
            "rewrap-xbstream": self.to_new("a.xbstream"),
            "rewrap-raw": self.to_new("a.raw"),
            "rewrap-add": self.rewrap("a.tar", *to_kek),
            "rewrap-new-file": self.rewrap_new_file(),
            "rewrap-recover": self.recover(interrupted),
            "keygen": self.keygen(),
            "keygen-force": self.keygen_force(),
            "inspect": self.inspect(),
            "bsdtar-create": self.bsdtar_create(),
            "bsdtar-extract": self.bsdtar_extract(),
            "openssl-encrypt": self.openssl_encrypt(),
            "openssl-decrypt": self.openssl_decrypt(),
        }
