#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: what may be wrong with a key, a passphrase, a directory, a label
or openssl.cnf, and what each face of the project says of it.

A rule that one face has and another one lacks is how data is lost.  So each
row of the table goes through every face.  A bad one must be refused with the
status that the manual has, for a reason that names the thing, and nothing may
be left under the final name; its good neighbours must work.  Where a face
cannot be given such a thing, the table says why.

    faces.py [WORD]     only the rows with this word in their names
"""
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import faces_keys as keys  # noqa: E402
import faces_run as run  # noqa: E402

# --- the columns ------------------------------------------------------------

TO, FROM, BESIDE = "encrypts", "decrypts", "beside"  # what a face does
Face = collections.namedtuple("Face", "way run status")

ENV, TAR = ".env", ".tar"
FACES = {
    "envelope encrypt": Face(TO, run.encrypts, None),
    "envelope decrypt": Face(FROM, run.decrypts(), None),
    "envelope decrypt --range": Face(FROM, run.decrypts("--range=0:"), None),
    "envelope verify": Face(FROM, run.verifies, None),
    "envelope rewrap to": Face(TO, run.rewraps("-i", "one.key", "one"),
                               None),
    "envelope rewrap from": Face(FROM, run.rewraps("-r", "next.pub"), None),
    "envelope fingerprint": Face(BESIDE, run.fingerprints, None),
    "envelope keygen": Face(BESIDE, run.makes_key, None),
    "bsdtar -c": Face(TO, run.bsdtar_writes, 1),
    "bsdtar -x": Face(FROM, run.bsdtar_reads, 1),
    "archive functions write": Face(TO, run.program("archive-write", ""), 1),
    "archive functions read": Face(FROM, run.program("archive-read", TAR), 1),
    "openssl enc": Face(TO, run.openssl_encrypts, 1),
    "openssl enc -d": Face(FROM, run.openssl_decrypts, 1),
    "EVP encrypts": Face(TO, run.program("evp-encrypt", ""), 1),
    "EVP decrypts": Face(FROM, run.program("evp-decrypt", ENV), 1),
}
MEMORY = "EVP encrypts", "EVP decrypts"  # what it is given is no file
MODULE = MEMORY + ("openssl enc", "openssl enc -d")  # provider, not built in

# The manual's statuses of the command, where a key does not open something.
NO_KEY = ("UNREADABLE_KEY", "UNSUPPORTED_KEY", "SHORT_KEY",
          "PASSPHRASE_NEEDED", "PRIVATE_KEY", "WEAK_KEY", "NO_MATCH", "NO_IDENTITY", "WRONG_KEY")


def status_of(face, bad):
    if face.status is not None:
        return face.status
    if bad.reason in ("PARAMETER", "LABELS"):
        return 2
    if bad.reason in ("OTHER_LABELS", "UNSIGNED", "OTHER_SIGNER"):
        return 4
    if bad.reason == "BAD_SIGNATURE":
        return 5
    return 3 if face.way == FROM and bad.reason in NO_KEY else 1


# --- the cells --------------------------------------------------------------

Absent = collections.namedtuple("Absent", "why")
Bad = collections.namedtuple("Bad", "reason words")
Good = collections.namedtuple("Good", "opener")  # of what was encrypted

Thing = collections.namedtuple("Thing", "path data")  # what is under test


def given(*args, **env):
    return run.Given(args, env)


PATHS = {
    "envelope encrypt": lambda t: given("-r", t.path),
    "envelope decrypt": lambda t: given("-i", t.path),
    "envelope decrypt --range": lambda t: given("-i", t.path),
    "envelope verify": lambda t: given("-i", t.path),
    "envelope rewrap to": lambda t: given("-r", t.path),
    "envelope rewrap from": lambda t: given("-i", t.path),
    "envelope fingerprint": lambda t: given(t.path),
    "envelope keygen": Absent("it reads no key"),
    "bsdtar -c": lambda t: given("envelope:recipient=" + t.path),
    "bsdtar -x": lambda t: given("envelope:identity=" + t.path),
    "archive functions write": lambda t: given(("recipient", t.path)),
    "archive functions read": lambda t: given(("identity", t.path)),
    "openssl enc": lambda t: given(ENVELOPE_RECIPIENTS="file:" + t.path),
    "openssl enc -d": lambda t: given(ENVELOPE_IDENTITIES="file:" + t.path),
}


def with_horse(*options):
    """A passphrase's file after the first option, the key after the second or
    as an operand."""
    return lambda t: given(options[0], PLACE.path("horse"), *options[1:],
                           t.path)


def with_option(name):
    """A switch of those that encrypt, before the keys."""
    return {
        **dict.fromkeys(FACES, Absent("it is an option of those that encrypt")),
        "envelope encrypt": lambda t: given("--" + name, "-r", t.path),
        "envelope rewrap to": lambda t: given("--" + name, "-r", t.path),
        "bsdtar -c": lambda t: given("envelope:" + name,
                                     "envelope:recipient=" + t.path),
        "archive functions write": lambda t: given(
            (name, "1"), ("recipient", t.path)),
        "openssl enc": Absent("it has no option for a parameter"),
        "EVP encrypts": lambda t: given((name, "1"), ("recipient", t.data)),
    }


NO_FILE = Absent("keys in memory are in no file")
NO_KEK = Absent("it takes no key-encryption key")
NO_LABEL = Absent("labels are set when something is encrypted")
FACTOR = ("work-factor", "14")

GIVEN = {
    "keys": {
        **PATHS,
        "EVP encrypts": lambda t: given(("recipient", t.data)),
        "EVP decrypts": lambda t: given(("identity", t.data)),
    },
    **{"keys with " + name: with_option(name)
       for name in ("allow-expired", "skip-expired", "allow-usage",
                    "require-post-quantum")},
    "files of keys": {**PATHS, **dict.fromkeys(MEMORY, NO_FILE)},
    "stored keys": {  # the passphrase is in horse
        **dict.fromkeys(FACES, Absent("it asks for no passphrase of a key")),
        "envelope decrypt": with_horse("--passphrase-file", "-i"),
        "envelope decrypt --range": with_horse("--passphrase-file", "-i"),
        "envelope verify": with_horse("--passphrase-file", "-i"),
        "envelope rewrap from": with_horse("--identity-passphrase-file", "-i"),
        "envelope fingerprint": with_horse("--passphrase-file"),
        "bsdtar -x": lambda t: given("envelope:passphrase-file=" + PLACE.path("horse"),
                                     "envelope:identity=" + t.path),
        "archive functions read": lambda t: given(
            ("passphrase-file", PLACE.path("horse")), ("identity", t.path)),
        "openssl enc -d": lambda t: given(
            ENVELOPE_PASSPHRASE_FILE=PLACE.path("horse"),
            ENVELOPE_IDENTITIES="file:" + t.path),
        "EVP decrypts": lambda t: given(("passphrase", b"horse"),
                                        ("identity", t.data)),
    },
    "passphrases": {
        "envelope encrypt": lambda t: given(
            "--work-factor=14", "--passphrase-file", t.path),
        "envelope decrypt": lambda t: given("--passphrase-file", t.path),
        "envelope decrypt --range": lambda t: given(
            "--passphrase-file", t.path),
        "envelope verify": lambda t: given("--passphrase-file", t.path),
        "envelope rewrap to": lambda t: given(
            "--work-factor=14", "--passphrase-file", t.path),
        "envelope rewrap from": lambda t: given(
            "--identity-passphrase-file", t.path),
        "envelope fingerprint": lambda t: given(
            "--passphrase-file", t.path, KEY["one"].path),
        "envelope keygen": lambda t: given("--passphrase-file", t.path),
        "bsdtar -c": lambda t: given(
            "envelope:work-factor=14", "envelope:passphrase-file=" + t.path),
        "bsdtar -x": lambda t: given("envelope:passphrase-file=" + t.path),
        "archive functions write": lambda t: given(
            FACTOR, ("passphrase-file", t.path)),
        "archive functions read": lambda t: given(("passphrase-file", t.path)),
        "openssl enc": Absent("openssl makes the key of a passphrase itself"),
        "openssl enc -d": lambda t: given(ENVELOPE_PASSPHRASE_FILE=t.path),
        "EVP encrypts": lambda t: given(FACTOR, ("passphrase", t.data)),
        "EVP decrypts": lambda t: given(("passphrase", t.data)),
    },
    "key-encryption keys": {
        "envelope encrypt": lambda t: given("-k", t.path),
        "envelope decrypt": lambda t: given("-k", t.path),
        "envelope decrypt --range": lambda t: given("-k", t.path),
        "envelope verify": lambda t: given("-k", t.path),
        "envelope rewrap to": lambda t: given("-k", t.path),
        "envelope rewrap from": lambda t: given("--identity-kek", t.path),
        "envelope fingerprint": NO_KEK,
        "envelope keygen": NO_KEK,
        "bsdtar -c": NO_KEK,
        "bsdtar -x": NO_KEK,
        "archive functions write": NO_KEK,
        "archive functions read": NO_KEK,
        "openssl enc": lambda t: given("-K", digits(t.data)),
        "openssl enc -d": lambda t: given("-K", digits(t.data)),
        "EVP encrypts": lambda t: given(("key", t.data)),
        "EVP decrypts": lambda t: given(("key", t.data)),
    },
    "labels": {
        **dict.fromkeys(FACES, NO_LABEL),
        "envelope encrypt": lambda t: given(
            "-r", KEY["one"].public_path,
            *(word for label in t.data for word in ("--label", label))),
        "envelope rewrap to": Absent("it leaves the labels as they are"),
        "bsdtar -c": lambda t: given(
            "envelope:recipient=" + KEY["one"].public_path,
            *(b"envelope:label=" + label for label in t.data)),
        "archive functions write": lambda t: given(
            ("recipient", KEY["one"].public_path),
            *(("label", label) for label in t.data)),
        "openssl enc": Absent("it has no option for a parameter"),
        "EVP encrypts": lambda t: given(
            ("recipient", KEY["one"].public),
            ("labels", b"\n".join(t.data))),
    },
    "required labels": {  # of what is read
        **dict.fromkeys(FACES, Absent("it reads no envelope")),
        **{"envelope " + name: lambda t: given(
            "-i", KEY["one"].path,
            *(word for label in t.data for word in ("--require-label", label)))
           for name in ("decrypt", "decrypt --range", "verify",
                        "rewrap from")},
        "bsdtar -x": lambda t: given(
            "envelope:identity=" + KEY["one"].path,
            *(b"envelope:require-label=" + label for label in t.data)),
        "archive functions read": lambda t: given(
            ("identity", KEY["one"].path),
            *(("require-label", label) for label in t.data)),
        "openssl enc -d": Absent("it has no option for a parameter"),
        "EVP decrypts": lambda t: given(
            ("identity", KEY["one"].private),
            ("require-labels", b"\n".join(t.data))),
    },
    "signatures": {  # by a private key, and by whose public key
        **dict.fromkeys(FACES, Absent("it neither signs nor reads")),
        "envelope encrypt": lambda t: given(
            "-r", KEY["one"].public_path, "-s", t.path),
        "envelope rewrap to": Absent("it leaves the signatures as they are"),
        "bsdtar -c": lambda t: given(
            "envelope:recipient=" + KEY["one"].public_path,
            "envelope:signer=" + t.path),
        "archive functions write": lambda t: given(
            ("recipient", KEY["one"].public_path), ("signer", t.path)),
        "openssl enc": lambda t: given(
            ENVELOPE_RECIPIENTS="file:" + KEY["one"].public_path,
            ENVELOPE_SIGNERS="file:" + t.path),
        "EVP encrypts": lambda t: given(
            ("recipient", KEY["one"].public), ("signer", t.data)),
        **{"envelope " + name: lambda t: given(
            "-i", KEY["one"].path, "--signed-by", t.path)
           for name in ("decrypt", "decrypt --range", "verify",
                        "rewrap from")},
        "bsdtar -x": lambda t: given(
            "envelope:identity=" + KEY["one"].path,
            "envelope:signed-by=" + t.path),
        "archive functions read": lambda t: given(
            ("identity", KEY["one"].path), ("signed-by", t.path)),
        "openssl enc -d": lambda t: given(
            ENVELOPE_IDENTITIES="file:" + KEY["one"].path,
            ENVELOPE_SIGNED_BY="file:" + t.path),
        "EVP decrypts": lambda t: given(
            ("identity", KEY["one"].private), ("signed-by-key", t.data)),
    },
    "openssl.cnf": {},
}


def digits(data):
    return data.decode() if len(data) > 32 else data.hex()


def configured(face):
    """A cell of openssl.cnf: good keys, and that file."""
    def give(t):
        key = KEY["one"]
        if face == "envelope keygen":
            return given(OPENSSL_CONF=t.path)
        own = key.path if FACES[face].way == FROM else key.public_path
        good = GIVEN["keys"][face](
            Thing(own, key.private if FACES[face].way == FROM else key.public))
        return run.Given(good.args, {**good.env, "OPENSSL_CONF": t.path})
    return give


GIVEN["openssl.cnf"] = {face: configured(face) for face in FACES}
GIVEN["keys that openssl.cnf names"] = {
    **dict.fromkeys(FACES, lambda t: given(OPENSSL_CONF=t.path)),
    "envelope rewrap to": Absent("the new recipients are always named"),
    "envelope fingerprint": Absent("the keys are always named"),
    "envelope keygen": Absent("it reads no key"),
}

# --- the rows ---------------------------------------------------------------

# public and private are what a file holds that is given to encrypt with and to
# decrypt with; expected is of both, but for faces, or ways, with an entry of
# their own.  sealed names what there is to decrypt.
Row = collections.namedtuple(
    "Row", "group name public private expected but sealed make options")
ROWS = []
KEY = {}


def row(group, name, public, private, expected, but=None, sealed="both",
        make=None, **options):
    ROWS.append(Row(group, name, public, private, expected, but or {}, sealed,
                    make, options))


def bad(*words, reason="UNREADABLE_KEY"):
    return Bad(reason, words)


def opened_by(*names):
    """Each of these keys alone opens it."""
    return Good(tuple(("-i", KEY[name].path) for name in names))


def text_rows():
    """Text in which a reader of PEM would lose a key.  There is always another
    good key in it, so that only a rule finds the one that is lost."""
    one, two = KEY["one"], KEY["two"]

    def mangled(name, mangle, expected, **kwargs):
        row("keys", name, mangle(one.public, two.public),
            mangle(one.private, two.private), expected, **kwargs)

    def both(name, mangle):
        for sealed in "one", "two":
            mangled("%s (%s)" % (name, sealed), mangle,
                    opened_by("one", "two"), sealed=sealed)

    def each_line(text, before):
        return b"".join(before + line for line in text.splitlines(True))

    def first(line):
        return bad("line %d:" % line)

    both("two blocks", lambda a, b: a + b)
    both("a byte order mark", lambda a, b: b"\xef\xbb\xbf" + a + b)
    both("CRLF", lambda a, b: (a + b).replace(b"\n", b"\r\n"))
    both("text around", lambda a, b:
         b"# ours\n\n" + a + b"\nkey: it begins\n" + b + b"the end")
    both("no line feed at the end", lambda a, b: a + b.rstrip())
    both("blanks after the lines",
         lambda a, b: (a + b).replace(b"-\n", b"- \t\n"))
    mangled("a NUL byte after the last line, without a key",
            lambda a, b: a + b"\n\0", bad("NUL"))
    mangled("indented", lambda a, b: each_line(a, b"  ") + b, first(1))
    mangled("indented by a tab", lambda a, b: each_line(a, b"\t") + b,
            first(1))
    mangled("quoted", lambda a, b: each_line(a, b"> ") + b, first(1))
    mangled("text before a beginning", lambda a, b: b"key: " + a + b, first(1))
    mangled("text after a beginning", lambda a, b:
            a.replace(b"-\n", b"- # key\n", 1) + b, first(1))
    mangled("text after an end",
            lambda a, b: b + a.rstrip() + b" # ops\n", bad("line"))
    mangled("a beginning without an end", lambda a, b:
            b"".join(a.splitlines(True)[:-1]) + b, first(1))
    mangled("an end of another label", lambda a, b:
            a.replace(b"END ", b"END X") + b, first(1))
    mangled("an end without a beginning", lambda a, b:
            b + b"".join(a.splitlines(True)[1:]), bad("line"))
    mangled("two blocks glued", lambda a, b: a.rstrip() + b, bad("line"))
    mangled("a block after a NUL byte", lambda a, b: b + b"\0" + a,
            bad("line"))
    mangled("a block after a line with a NUL byte",
            lambda a, b: b + b"\0\n" + a, bad("NUL"))
    mangled("a block after a lone CR", lambda a, b: b + b"\r" + a, bad("line"))
    mangled("lone CRs for line feeds",
            lambda a, b: (b + a).replace(b"\n", b"\r"), first(1))
    mangled("Unicode dashes", lambda a, b:
            a.replace(b"-----", "\u2014\u2014".encode()) + b, first(1))
    mangled("four dashes of SSH2", lambda a, b:
            b + b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n"
                b"---- END SSH2 PUBLIC KEY ----\n", bad("line"))
    mangled("lower case", lambda a, b: a.lower() + b, first(1))
    for name, codec in ("little", "utf-16-le"), ("big", "utf-16-be"):
        mangled("UTF-16, %s end first" % name, lambda a, b:
                ("\ufeff" + (a + b).decode()).encode(codec), bad("UTF-16"))
    mangled("UTF-16 without a mark", lambda a, b:
            (a + b).decode().encode("utf-16-le"), bad())
    mangled("a body that is damaged", lambda a, b:
            b + a.replace(b"M", b"N", 1), bad())
    mangled("a block of an unknown label", lambda a, b:
            b + a.replace(b" KEY", b" THING"), bad("of 2 keys"))


def format_rows():
    """DER, and OpenSSH's formats."""
    one, two = KEY["one"], KEY["two"]
    line, block = keys.ssh_rsa_line, keys.ssh_rsa_private(two.numbers)
    n, e = two.modulus, two.exponent
    ssh = line(n, e)

    row("keys", "DER", one.spki, one.private_der, opened_by("one"),
        sealed="one")
    for sealed in "one", "two":
        row("keys", "DER twice (%s)" % sealed, one.spki + two.spki,
            one.private_der + two.private_der, opened_by("one", "two"),
            sealed=sealed)
    row("keys", "DER and other bytes", two.spki + b"\0",
        two.private_der + b"\0", bad("something else"))
    row("keys", "DER and a damaged one", two.spki + one.spki[:-1],
        two.private_der + one.private_der[:-1], bad("something else"))
    row("keys", "DER and a line feed", two.spki + b"\n",
        two.private_der + b"\n", bad("something else"))
    row("keys", "DER and PEM on a line of its own",
        two.spki + b"\n" + one.public, two.private_der + b"\n" + one.private,
        bad("something else"))
    row("keys", "text that begins with the tag of a SEQUENCE",
        b"0x0123\n" + two.public, b"0x0123\n" + two.private,
        opened_by("two"), sealed="two")
    row("keys", "DER cut short", two.spki[:-1], two.private_der[:-1], bad())
    row("keys", "DER and PEM", two.spki + one.public,
        two.private_der + one.private, bad())

    row("keys", "OpenSSH", b"# ours\n\n" + ssh, block, opened_by("two"),
        sealed="two")
    row("keys", "OpenSSH, CRLF", ssh.replace(b"\n", b"\r\n"),
        block.replace(b"\n", b"\r\n"), opened_by("two"), sealed="two")
    row("keys", "OpenSSH, two on a line", ssh.rstrip() + b" " + ssh,
        block + ssh.rstrip() + b" " + ssh, bad("line"))
    row("keys", "OpenSSH, two glued", line(n, e, b"") .rstrip() + ssh,
        block + line(n, e, b"").rstrip() + ssh, bad("line"))
    row("keys", "OpenSSH after options", b'command="/bin/true" ' + ssh,
        block + b'command="/bin/true" ' + ssh, bad("line"))
    row("keys", "OpenSSH within text", one.public + b"key is " + ssh,
        one.private + b"key is " + ssh, bad("line"))
    row("keys", "OpenSSH, a private block and PEM", ssh + one.public,
        block + one.private, bad("line"))
    row("keys", "PEM and OpenSSH", one.public + ssh, one.private + block,
        bad("line"))
    row("keys", "OpenSSH, damaged", ssh.replace(b"AAAAB3", b"AAAAB4"),
        block.replace(b"b3Bl", b"b3Bm"), bad("line"))


def sound_rows():
    """What a recipient's key must be.  Identities are not asked for it: what
    was once encrypted for a key is opened by it."""
    two = KEY["two"]
    n = two.modulus
    infinite = keys.p256_spki(b"\0")
    never = Absent("a key need not be sound to open what it opens")
    off = {FROM: never, "envelope fingerprint": Absent("it names any key")}

    def unsound(name, spki, *words, reason="BAD_KEY"):
        row("keys", name, keys.public_pem(spki), None,
            bad(*words, reason=reason), off)

    def modulus(name, number, exponent, *words, **kwargs):
        unsound(name, keys.rsa_spki(number, exponent), *words, **kwargs)

    row("keys", "RSA, exponent 3", KEY["three"].public, KEY["three"].private,
        opened_by("three"), sealed="three")
    row("keys", "RSA, exponent 65537", two.public, two.private,
        opened_by("two"), sealed="two")
    for exponent in 0, 1, 2, 65536:
        modulus("RSA, exponent %d" % exponent, n, exponent, "check of it")
    modulus("RSA, an even modulus", n - 1, 65537, "check of it")
    modulus("RSA, a flipped bit", two.flipped(), 65537, "check of it")
    modulus("RSA, 1024 bits", KEY["short"].modulus, 65537, "1024 bits",
            reason="WEAK_KEY")
    modulus("RSA, 17000 bits", (1 << 17000) - 1, 65537, "17000 bits",
            reason="UNSUPPORTED_KEY")
    row("keys", "RSA, exponent 1, OpenSSH", keys.ssh_rsa_line(n, 1), None,
        bad("not a sound key"), off)
    row("keys", "RSA, exponent 1, among others",
        two.public + keys.public_pem(keys.rsa_spki(n, 1)) + two.public, None,
        bad("check of it", reason="BAD_KEY"), off)
    for name in "P-224", "secp256k1":
        unsound("EC, " + name, KEY[name].spki, "curve",
                reason="UNSUPPORTED_KEY")
    # libcrypto's decoder refuses it, so that there is no key at all.
    row("keys", "EC, off the curve", keys.public_pem(KEY["ec"].off_curve()),
        None, bad(), {FROM: never})
    row("keys", "EC, at infinity", keys.public_pem(infinite), None,
        bad("check of it", reason="BAD_KEY"),
        {FROM: never, "envelope fingerprint": bad()})
    row("keys", "EC", KEY["ec"].public, KEY["ec"].private, opened_by("ec"),
        sealed="ec")
    for form in ("compressed",), ("hybrid",), ("explicit",), \
            ("compressed", "explicit"):
        row("keys", "EC, " + ", ".join(form), *KEY["ec"].encoded(
            [PLACE.openssl], *form), opened_by("ec"), sealed="ec")
    row("keys", "Ed25519, which signs", KEY["ed25519"].public,
        KEY["ed25519"].private, bad("only sign", reason="UNSUPPORTED_KEY"),
        {"envelope fingerprint": off["envelope fingerprint"]})
    row("keys", "Ed25519, OpenSSH", keys.ssh_ed25519_line(), None,
        bad("only sign", reason="UNSUPPORTED_KEY"), off)

    own = Absent("a certificate names a recipient, and opens nothing")
    good = keys.certificate_pem(two.spki, b"200101000000Z", b"491231235959Z")
    row("keys", "a certificate", good, good + two.private, opened_by("two"),
        sealed="two")
    row("keys", "a certificate around RSA with exponent 1",
        keys.certificate_pem(keys.rsa_spki(n, 1), b"200101000000Z",
                             b"491231235959Z"), None,
        bad("check of it", reason="BAD_KEY"), {**off, FROM: own})
    for name, begin, end in \
            ("has expired", b"200101000000Z", b"210101000000Z"), \
            ("is not valid yet", b"480101000000Z", b"491231235959Z"):
        text = keys.certificate_pem(two.spki, begin, end)
        row("keys", "a certificate that " + name, text, text + two.private,
            bad(name, reason="CERTIFICATE_TIME"),
            {"envelope fingerprint": opened_by(), FROM: opened_by()},
            sealed="two")


def certificate_rows():
    """What a certificate's extensions, and others beside it, make of it."""
    two, ec = KEY["two"], KEY["ec"]
    to = {FROM: Absent("it is about recipients")}
    named = {"envelope fingerprint": opened_by(), FROM: opened_by()}

    def dated(key, begin, end, *extensions):
        return keys.certificate_pem(key.spki, begin, end, *extensions)

    def made(key, *extensions):
        return dated(key, b"200101000000Z", b"491231235959Z", *extensions)

    old = dated(two, b"200101000000Z", b"210101000000Z")
    new = dated(two, b"480101000000Z", b"491231235959Z")

    for name in "one", "two":
        row("keys with require-post-quantum", "a key that is not",
            KEY[name].public, None,
            bad("require-post-quantum", reason="NOT_POST_QUANTUM"), to)

    def usage(name, key, opener, lacks, *extensions):
        text = made(key, *extensions)
        opens = opened_by(opener)
        row("keys", name, text, text + key.private,
            bad(*lacks, reason="CERTIFICATE_USAGE") if lacks else opens,
            named if lacks else {}, sealed=opener)
        row("keys with allow-usage", name, text, None, opens, to)

    for name, lacks, *numbers in \
            ("keyEncipherment", (), keys.ENCIPHERS_KEYS), \
            ("dataEncipherment", (), keys.ENCIPHERS_DATA), \
            ("both of them and more", (), keys.SIGNS, keys.ENCIPHERS_KEYS,
             keys.ENCIPHERS_DATA), \
            ("digitalSignature", ("keyEncipherment or",), keys.SIGNS), \
            ("keyAgreement", ("keyEncipherment or",), keys.AGREES), \
            ("nothing, which is malformed", ("malformed",)):
        usage("RSA, keyUsage with " + name, two, "two", lacks,
              keys.key_usage(*numbers))
    for name, lacks, *numbers in \
            ("keyAgreement", (), keys.AGREES), \
            ("keyEncipherment", ("without keyAgreement",),
             keys.ENCIPHERS_KEYS), \
            ("digitalSignature", ("without keyAgreement",), keys.SIGNS):
        usage("EC, keyUsage with " + name, ec, "ec", lacks,
              keys.key_usage(*numbers))
    one = KEY["one"]
    usage("X25519, keyUsage with keyAgreement", one, "one", (),
          keys.key_usage(keys.AGREES))
    usage("X25519, keyUsage with keyEncipherment", one, "one",
          ("without keyAgreement",), keys.key_usage(keys.ENCIPHERS_KEYS))
    usage("a certificate that is no CA's", two, "two", (), keys.NO_CA)
    usage("a CA's certificate", two, "two", ("is a CA's",), keys.CA)
    usage("a CA's certificate for all", two, "two", ("is a CA's",), keys.CA,
          keys.key_usage(keys.SIGNS, keys.ENCIPHERS_KEYS, keys.SIGNS_CERTS))
    usage("a certificate with a malformed extension", two, "two",
          ("malformed",), keys.basic_constraints(b"\2\1"))

    good = one.public
    lone = made(two)
    row("keys", "a certificate among others", lone + made(ec), None,
        opened_by("two", "ec"), to)
    row("keys", "a certificate twice", lone + lone, None, opened_by("two"),
        to)
    row("keys", "a CA's certificate among others",
        good + lone + made(ec, keys.CA), None,
        bad("is a CA's", reason="CERTIFICATE_USAGE"),
        {**to, "envelope fingerprint": opened_by()})
    leaf, middle, root = keys.chain([PLACE.openssl], two)
    for name, text in ("a chain", leaf + middle + root), \
            ("a chain, the root first", root + middle + leaf), \
            ("a chain without its root", leaf + middle):
        row("keys", name, text, text + two.private, opened_by("two"),
            sealed="two")
    row("keys", "a chain without its leaf", middle + root, None,
        bad("CN=middle is a CA's", reason="CERTIFICATE_USAGE"),
        {**to, "envelope fingerprint": opened_by()})

    for name, text in ("has expired", old), ("is not valid yet", new):
        row("keys with allow-expired", "a certificate that " + name, text,
            None, opened_by("two"), to)
        row("keys with skip-expired", "a certificate that " + name, text, None,
            bad(name, "no recipient", reason="CERTIFICATE_TIME"), to)
        row("keys with skip-expired", "among others, one that " + name,
            text + made(ec) + good, None, opened_by("ec", "one"), to)
        row("keys with allow-usage", "a certificate that " + name, text, None,
            bad(name, reason="CERTIFICATE_TIME"), to)
    row("keys with skip-expired", "a CA's certificate", made(two, keys.CA),
        None, bad("is a CA's", reason="CERTIFICATE_USAGE"), to)
    row("keys with skip-expired", "a CA's certificate that has expired",
        good + dated(two, b"200101000000Z", b"210101000000Z", keys.CA), None,
        opened_by("one"), to)


def mistaken_rows():
    """The other half of a pair, and what is under a passphrase."""
    one = KEY["one"]
    stored = one.encrypted([PLACE.openssl], PLACE.path("horse"))
    named = {"envelope fingerprint": opened_by()}
    row("keys", "private for public, public for private", one.private,
        one.public, bad("public key", reason="PRIVATE_KEY"),
        {**named, FROM: bad("holds no private key")})
    row("keys", "a private key under a passphrase", stored, stored,
        bad("public key", reason="PRIVATE_KEY"),
        {way: bad("stored encrypted", reason="PASSPHRASE_NEEDED")
         for way in (FROM, "envelope fingerprint")})
    signs = keys.ssh_ed25519_private()
    row("keys", "OpenSSH, a private key that signs", signs, signs,
        bad("public key", reason="PRIVATE_KEY"),
        {**named, FROM: bad("only sign", reason="UNSUPPORTED_KEY")})


def stored_rows():
    """The passphrase is right, or would be: what is missing is named."""
    def stored(name, private, *words):
        row("stored keys", name, private, private,
            bad(*words) if words else opened_by(), sealed="one")

    def missing(name, private, algorithm):
        stored(name, private, algorithm + ", which no loaded provider has")

    one = KEY["one"]
    stored("AES-256", one.encrypted([PLACE.openssl], PLACE.path("horse")))
    other = one.encrypted([PLACE.openssl], PLACE.path("long"))
    row("stored keys", "another passphrase", other, other,
        bad("does not open", reason="WRONG_KEY"), sealed="one")
    for name, algorithm, called in \
            ("PBES1", keys.PBE_MD5_DES, "DES-CBC"), \
            ("PBES1 of PKCS#12", keys.PBE_SHA1_RC2_40, "RC2-40-CBC"), \
            ("PBES2", keys.pbes2(keys.pbkdf2(), keys.DES), "DES-CBC"), \
            ("an unknown PRF", keys.pbes2(keys.pbkdf2(keys.UNKNOWN_PRF),
                                          keys.AES256), "1.2.3.4"), \
            ("an unknown KDF", keys.pbes2(keys.UNKNOWN_PBE, keys.AES256),
             "1.2.3.4"), \
            ("an unknown cipher", keys.pbes2(keys.pbkdf2(), keys.UNKNOWN_PBE),
             "1.2.3.4"), \
            ("an unknown scheme", keys.UNKNOWN_PBE, "1.2.3.4"):
        for form, make in ("DER", keys.pkcs8), ("PKCS#12", keys.pkcs12):
            missing("%s, %s" % (name, form), make(algorithm), called)
        missing(name + ", PEM", keys.pem(b"ENCRYPTED PRIVATE KEY",
                                         keys.pkcs8(algorithm)), called)
    for cipher in b"BF-CBC", b"DES-CBC", b"NO-SUCH":
        missing("PEM, traditional, " + cipher.decode(),
                keys.traditional_pem(cipher), cipher.decode())
    stored("scrypt over the limit", keys.pkcs8(
        keys.pbes2(keys.scrypt(131072, 8, 1), keys.AES256)),
        "N=131072, r=8, p=1")


def file_rows():
    one = KEY["one"]
    large = bad("larger than 1048576 bytes")
    short = {face: bad(reason="PARAMETER") for face in MEMORY}
    row("keys", "an empty file", b"", b"", bad(), short)
    row("keys", "one byte", b"0", b"0", bad())
    row("keys", "one byte that begins DER", b"0", b"\x30", bad())
    row("keys", "blank lines", b"\n\n", b"\n\n", bad())
    row("keys", "1 MiB and 1 byte", one.public.ljust(1048577, b"\n"),
        one.private.ljust(1048577, b"\n"), large, short)
    row("keys", "1 MiB", one.public.ljust(1048576, b"\n"),
        one.private.ljust(1048576, b"\n"), opened_by("one"), sealed="one")
    row("files of keys", "/dev/null", None, None, bad(),
        make=lambda path: os.symlink("/dev/null", path))
    row("files of keys", "no file", None, None, bad("No such file"),
        make=lambda path: None)
    row("files of keys", "a file with a colon", one.public, one.private,
        opened_by("one"), sealed="one", called="a:b")
    row("files of keys", "a file that must not be read", one.public,
        one.private, bad("Permission denied"), locked=True)


def directory_rows():
    """Beside a good key in each."""
    one = KEY["one"]

    def directory(name, odd, expected, good=True, **kwargs):
        def make(content):
            def fill(path):
                os.mkdir(path)
                if good:
                    put(os.path.join(path, "good"), content)
                odd(path, content)
            return fill
        row("files of keys", "a directory with " + name, make(one.public),
            make(one.private), expected, **kwargs)

    def entry(name):
        return lambda path, content: put(os.path.join(path, name), content)

    def link(to):
        return lambda path, content: os.symlink(to, os.path.join(path, "odd"))

    def locked(path, content):
        put(os.path.join(path, "odd"), content)
        os.chmod(os.path.join(path, "odd"), 0)

    opens = opened_by("one")
    directory("nothing but a good key", lambda *_: None, opens, sealed="one")
    directory("a hidden file", entry(".odd"), opens, sealed="one")
    directory("a directory in it", lambda path, _: os.mkdir(path + "/odd"),
              opens, sealed="one")
    directory("a colon in a name", entry("odd:one"), opens, good=False,
              sealed="one")
    directory("a link to a key", lambda path, content: (
        put(path + ".other", content),
        os.symlink(path + ".other", path + "/odd")), opens, sealed="one",
        good=False)
    directory("a dangling link", link("nowhere"), bad("odd: No such file"))
    directory("a link to itself", link("odd"), bad("odd: Too many levels"))
    directory("a FIFO", lambda path, _: os.mkfifo(path + "/odd"),
              bad("odd: it is not a regular file"))
    for name in ("ops.pub~", "ops.pub.dpkg-old", "#ops.pub#", "ops.pub.bak",
                 "ops.pub.rpmsave", "ops.pub.swp"):
        directory(name, entry(name), bad(name + ": a copy"))
    directory("a file that is no key",
              lambda path, _: put(path + "/odd", b"hello\n"), bad("odd"))
    directory("an empty file", lambda path, _: put(path + "/odd", b""),
              bad("odd"))
    directory("directories only", lambda path, _: os.mkdir(path + "/odd"),
              bad("no file"), good=False)
    directory("hidden files only", entry(".odd"), bad("no file"), good=False)
    directory("nothing", lambda *_: None, bad("no file"), good=False)
    directory("a file that must not be read", locked,
              bad("odd: Permission denied"), locked=True)


def passphrase_rows():
    long = b"x" * 1024
    horse = (("--passphrase-file", PLACE.path("horse")),)
    line = bad("a carriage return or a line feed")

    def passphrase(name, data, expected, memory=None, sealed="horse"):
        row("passphrases", name, data, data, expected,
            dict.fromkeys(MEMORY, memory or expected), sealed)

    passphrase("a line", b"horse\n", Good(horse), line)
    passphrase("no line feed", b"horse", Good(horse))
    passphrase("CRLF", b"horse\r\n", Good(horse), line)
    passphrase("more lines", b"horse\nand more\0\n", Good(horse), bad())
    passphrase("1024 bytes", long,
               Good((("--passphrase-file", PLACE.path("long")),)),
               sealed="long")
    passphrase("1025 bytes", long + b"x", bad("1 to 1024 bytes"),
               bad(reason="PARAMETER"))
    passphrase("an empty file", b"", bad("1 to 1024 bytes"),
               bad(reason="PARAMETER"))
    passphrase("an empty line first", b"\nhorse\n", bad("1 to 1024 bytes"),
               line)
    passphrase("a NUL byte", b"hor\0se\n", bad("a NUL byte"))
    passphrase("UTF-16, little end first",
               "\ufeffhorse".encode("utf-16-le"), bad("UTF-16"))
    passphrase("UTF-16, big end first",
               "\ufeffhorse".encode("utf-16-be"), bad("UTF-16"))
    passphrase("UTF-16 without a mark", "horse".encode("utf-16-le"),
               bad("UTF-16"))
    passphrase("a byte order mark", b"\xef\xbb\xbfhorse\n",
               bad("byte order mark"))
    passphrase("a lone CR", b"hor\rse\n", line)
    passphrase("a CR at the end", b"horse\r", line)
    for name, make in ("no file", lambda path: None), \
            ("a directory", os.mkdir):
        row("passphrases", name, None, None, bad(),
            dict.fromkeys(MEMORY, Absent("a passphrase is in no file")),
            make=make)


def kek_rows():
    good = keys.steady(32)
    half = bytes(16)
    opener = Good((("-k", PLACE.path("kek")),))
    form = bad("32 bytes or 64 hexadecimal digits")
    as_file = dict.fromkeys(MODULE, Absent("it takes the bytes, and no file"))
    padded = dict.fromkeys(
        ("openssl enc", "openssl enc -d"),
        Absent("openssl pads or cuts what -K has before anybody sees it"))
    length = {**padded, **dict.fromkeys(MEMORY, bad("length", reason=None))}
    none = bad(reason="NO_RECIPIENT"), bad(reason="NO_IDENTITY")
    # All zeros is how a program says that there is no key.
    zero = dict(zip(MODULE, (*none, *none)))

    def kek(name, data, expected, but=None):
        row("key-encryption keys", name, data, data, expected, but, "kek")

    kek("32 bytes", good, opener)
    kek("64 digits", good.hex().encode(), opener, as_file)
    kek("digits and blanks", good.hex().upper().encode() + b" \t\r\n\n",
        opener, as_file)
    kek("32 zero bytes", bytes(32), bad("all of the key is zero",
                                        reason="SHORT_KEY"), zero)
    kek("64 digits of zero", b"0" * 64, bad("all of the key is zero",
                                            reason="SHORT_KEY"), as_file)
    for name, data in ("first", half + good[16:]), \
            ("second", good[:16] + half):
        kek("a %s half of zeros" % name, data, bad("half of the key is zero",
                                                   reason="SHORT_KEY"))
    kek("a half of zeros in digits", good[:16].hex().encode() + b"0" * 32,
        bad("half of the key is zero", reason="SHORT_KEY"), as_file)
    kek("31 bytes", good[:31], form, length)
    kek("33 bytes", good + b"x", form, length)
    kek("no bytes", b"", form, length)
    kek("32 digits", good[:16].hex().encode(), form, as_file)
    kek("63 digits", good.hex()[:63].encode(), form, {**as_file, **padded})
    kek("65 digits", good.hex().encode() + b"0", form, {**as_file, **padded})
    kek("a blank before the digits", b" " + good.hex().encode(), form, as_file)
    kek("a file of many bytes", good * 100, bad("larger than"), length)
    row("key-encryption keys", "no file", None, None, bad("No such file"),
        as_file, "kek", make=lambda path: None)


def label_rows():
    refused = bad("labels", reason="LABELS")

    def labels(name, expected, *data):
        row("labels", name, data, data, expected, sealed="one")

    opens = opened_by("one")
    labels("one", opens, b"site=here")
    labels("two, and UTF-8", opens, b"b.-_:=\xc3\xa4 = b", b"a=")
    labels("no =", refused, b"site")
    labels("an empty key", refused, b"=here")
    labels("a bad key", refused, b"my site=here")
    labels("a control", refused, b"site=\x1b[2J")
    labels("a C1 control", refused, b"site=\xc2\x9b2J")
    labels("not UTF-8", refused, b"site=\xff")
    labels("UTF-8 cut short", refused, b"site=\xc3")
    labels("too long", refused, b"site=" + b"x" * 65536)
    labels("a key that is too long", refused, b"k" * 300 + b"=here")
    labels("twice", refused, b"site=here", b"site=there")
    row("labels", "a line feed", (b"note=one\nhost=db9",),
        (b"note=one\nhost=db9",), bad("line feed", reason="LABELS"),
        {"EVP encrypts": Absent("a line feed ends each label there")},
        sealed="one")


def required_label_rows():
    def require(name, expected, *data):
        row("required labels", name, None, data, expected, sealed="labelled")

    there = Good(())
    other = bad("site=there", "site=here", reason="OTHER_LABELS")
    require("one that is there", there, b"site=here")
    require("both that are there", there, b"run=7", b"site=here")
    require("one with another value", other, b"site=there")
    require("one that is there, and one that is not",
            bad("no label host", "host=db1", reason="OTHER_LABELS"),
            b"run=7", b"host=db1")
    require("a value that is longer", bad(reason="OTHER_LABELS"), b"run=70")
    require("a value that is shorter", bad(reason="OTHER_LABELS"), b"run=")
    require("a key that is shorter", bad(reason="OTHER_LABELS"), b"ru=7")
    row("required labels", "a line feed", None, (b"note=one\nhost=db9",),
        bad("line feed", reason="PARAMETER"),
        {"EVP decrypts": Absent("a line feed ends each label there")},
        sealed="labelled")
    require("no label", bad("required label site", reason="PARAMETER"),
            b"site")


def signature_rows():
    """What signs, and what is trusted to have signed."""
    def signs(name, private, public, expected, but=None, sealed="signed"):
        row("signatures", name, private, public, expected, but, sealed)

    def signed_by(name):
        return Good((("-i", KEY["one"].path, "--signed-by",
                      KEY[name].public_path),))

    def neither(name, key, *words, **kwargs):
        signs(name, key.private, key.public, bad(*words, **kwargs))

    own = Absent("the private key is another row's")
    ssh = keys.ssh_ed25519_private()
    for name in "ed25519", "ed448", "ec", "P-384", "P-521", "two":
        signs("with the key " + name, KEY[name].private, KEY[name].public,
              signed_by(name))
    signs("with OpenSSH's Ed25519", ssh, keys.ssh_ed25519_line(),
          Good((("-i", KEY["one"].path),)))
    cert = keys.certificate_pem(KEY["two"].spki, b"200101000000Z",
                                b"200102000000Z")
    signs("with an old certificate's key", cert + KEY["two"].private, cert,
          signed_by("two"))
    neither("X25519", KEY["one"], "can sign", reason="UNSUPPORTED_KEY")
    neither("RSA, 1024 bits", KEY["short"], "1024 bits", reason="WEAK_KEY")
    neither("EC, secp256k1", KEY["secp256k1"], "curve",
            reason="UNSUPPORTED_KEY")
    signs("public for private, private for public", KEY["ed25519"].public,
          KEY["ed25519"].private, bad("holds no private"),
          {FROM: bad("public key", reason="PRIVATE_KEY")})
    signs("a key under a passphrase", KEY["two"].encrypted(
        [PLACE.openssl], PLACE.path("horse")), None,
          bad("stored encrypted", reason="PASSPHRASE_NEEDED"), {FROM: own})
    signs("an empty file", b"", b"", bad(), {way: bad(reason=None) for way in MEMORY})
    for name, sealed, public, expected in (
            ("one that signed nothing", "signed", "short-lived",
             bad("which signed-by does not name", reason="OTHER_SIGNER")),
            ("one, where nobody has signed", "one", "ed25519",
             bad("it has no signature", reason="UNSIGNED")),
            ("one whose signature is another stream's", "moved", "ed25519",
             bad("is not", reason="BAD_SIGNATURE")),
            ("one that signed beside others", "signed", "P-384",
             Good(()))):
        signs("trusted: " + name, None, KEY[public].public, expected,
              {TO: own}, sealed)


GOOD_CONF = """openssl_conf = init
[init]
providers = providers
[providers]
default = default_section
envelope = envelope_section
[default_section]
activate = 1
[envelope_section]
activate = 1
threads = 2
"""


def configuration_rows():
    def conf(name, old, new, expected, but=None, **kwargs):
        text = GOOD_CONF.replace(old, new).encode()
        row("openssl.cnf", name, text, text, expected, but, "one", **kwargs)

    def mistake(*words):
        return bad(*words, reason="CONFIGURATION")

    loses_threads = dict.fromkeys(MODULE, mistake("threads = 2"))
    conf("no mistake", "", "", opened_by("one"))
    conf("a line without =", "threads = 2", "threads = 2\nnonsense",
         mistake("missing equal sign"))
    conf("a section head without ]", "threads = 2", "threads = 2\n[oops",
         mistake("missing close"))
    conf("an unknown module", "[init]\n", "[init]\nnosuch = x\n",
         mistake("nosuch"), loses_threads)
    conf("a setting of ours that is misspelt", "threads", "tread",
         mistake("tread"))
    for threads in "x", "65", "-1", "2x":
        conf("threads that are %s" % threads, "threads = 2",
             "threads = " + threads, mistake("threads = " + threads))
    for setting in "allow-expired", "skip-expired", "allow-usage":
        conf("%s that is yes" % setting, "threads = 2", setting + " = yes",
             opened_by("one"))
        conf("%s that is 2" % setting, "threads = 2", setting + " = 2",
             mistake(setting + " = 2"))
        conf("%s that is 1" % setting, "threads = 2", setting + " = 1",
             opened_by("one"))
    for value in "no", "0":
        conf("require-post-quantum that is " + value, "threads = 2",
             "require-post-quantum = " + value, opened_by("one"))
    others = bad("no label site", reason="OTHER_LABELS")
    conf("require-labels", "threads = 2", "require-labels = site=here",
         opened_by("one"), {FROM: others, "envelope rewrap to": others})
    nobody = bad("it has no signature", reason="UNSIGNED")
    conf("signed-by", "threads = 2", "signed-by = " + KEY["two"].public_path,
         opened_by("one"), {FROM: nobody, "envelope rewrap to": nobody})
    conf("signers", "threads = 2", "signers = " + KEY["two"].path,
         Good((("-i", KEY["one"].path, "--signed-by",
                KEY["two"].public_path),)),
         {"envelope rewrap to": opened_by("one")})
    conf("require-post-quantum that is maybe", "threads = 2",
         "require-post-quantum = maybe", mistake("require-post-quantum"))
    conf("threads that are 64", "threads = 2", "threads = 64",
         opened_by("one"))
    conf("properties that nothing has", "threads = 2",
         "properties = provider=nosuch", bad("provider=nosuch",
                                             reason="NO_ALGORITHM"))
    conf("a section of modules that is not there", "[init]", "[int]",
         mistake("[init]"))
    conf("a section of ours that is misspelt", "[envelope_section]",
         "[envlope_section]", mistake("[envelope_section]"))
    conf("a section of another provider that is misspelt",
         "[default_section]", "[defult_section]", mistake("[default_section]"))
    conf("no file", "", "", mistake(), make=lambda path: None)

    def names(name, recipients, identities, expected, but=None):
        text = GOOD_CONF + "recipients = %s\nidentities = %s\n" % (
            recipients, identities)
        row("keys that openssl.cnf names", name, text.encode(), text.encode(),
            expected, but, "one")

    def strong(value, expected):
        row("keys that openssl.cnf names", "require-post-quantum = " + value,
            (GOOD_CONF + "recipients = %s\nrequire-post-quantum = %s\n" % (
                KEY["one"].public_path, value)).encode(), None, expected,
            {FROM: Absent("it is about recipients")}, "one")

    for value in "yes", "1":
        strong(value, bad("one.pub", reason="NOT_POST_QUANTUM"))

    one, none = KEY["one"], PLACE.path("nowhere")
    names("good ones", one.public_path, one.path, opened_by("one"))
    names("no files", none, none, bad("nowhere: No such file"))
    names("private for public, public for private", one.path, one.public_path,
          bad("one.key", reason="PRIVATE_KEY"), {FROM: bad("one.pub")})


# --- files and fixtures -----------------------------------------------------


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make_keys(openssl):
    def generated(kind, name, *arguments):
        key = KEY[name] = kind(openssl, name, *arguments)
        key.public_path = os.path.abspath(name + ".pub")
        put(key.public_path, key.public)
        os.chmod(key.path, 0o644)  # somebody else reads it, too

    generated(keys.Key, "one", "-algorithm", "X25519")
    generated(keys.Key, "next", "-algorithm", "X25519")
    generated(keys.Key, "ed25519", "-algorithm", "ED25519")
    generated(keys.Key, "ed448", "-algorithm", "ED448")
    generated(keys.Key, "short-lived", "-algorithm", "ED25519")
    generated(keys.RsaKey, "two", 2048)
    generated(keys.RsaKey, "three", 2048, 3)
    generated(keys.RsaKey, "short", 1024)
    generated(keys.EcKey, "ec", "P-256")
    generated(keys.EcKey, "P-224", "P-224")
    generated(keys.EcKey, "P-384", "P-384")
    generated(keys.EcKey, "P-521", "P-521")
    generated(keys.EcKey, "secp256k1", "secp256k1")


def make_fixtures(place):
    """What the faces decrypt: a stream, and a tar in a tar carrier."""
    put("plain", keys.steady(40000))
    put("horse", b"horse\n")
    put("long", b"x" * 1024)
    put("kek", keys.steady(32))
    subprocess.run([shutil.which("bsdtar"), "-cf", "plain.tar", "plain"],
                   check=True)
    os.mkdir("sealed")
    recipients = {name: ("-r", KEY[name].public_path)
                  for name in ("one", "two", "three", "ec")}
    recipients["labelled"] = recipients["one"] + (
        "--label", "site=here", "--label", "run=7")
    put("ssh", keys.ssh_ed25519_private())
    recipients["signed"] = recipients["one"] + tuple(
        word for path in [KEY[name].path for name in (
            "ed25519", "ed448", "ec", "P-384", "P-521", "two")] + ["ssh"]
        for word in ("-s", path))
    recipients["both"] = recipients["one"] + recipients["two"]
    for name in "horse", "long":
        recipients[name] = recipients["one"] + (
            "--work-factor=14", "--passphrase-file", name)
    recipients["kek"] = "-k", "kek"
    for name, words in recipients.items():
        for suffix, carrier, data in (ENV, "raw", "plain"), \
                (TAR, "tar", "plain.tar"):
            subprocess.run([place.envelope, "encrypt", *words, "--carrier",
                            carrier, "-o", "sealed/" + name + suffix, data],
                           env=place.env, check=True)
    make_moved()


def make_moved():
    """The signatures of one stream in another one, which is as long."""
    for suffix, carrier, data in (ENV, "raw", "plain"), \
            (TAR, "tar", "plain.tar"):
        raw = subprocess.run(
            [PLACE.envelope, "encrypt", "-r", KEY["one"].public_path, "-s",
             KEY["ed25519"].path, "--carrier", "raw", data],
            env=PLACE.env, check=True, stdout=subprocess.PIPE).stdout
        other = subprocess.run(
            [PLACE.envelope, "encrypt", "-r", KEY["one"].public_path, "-s",
             KEY["ed25519"].path, "--carrier", carrier, data],
            env=PLACE.env, check=True, stdout=subprocess.PIPE).stdout
        at = other.index(b"\x89ENV\r\n") + 32
        length = int.from_bytes(raw[24:28], "big")
        put("sealed/moved" + suffix,
            other[:at] + raw[32:32 + length] + other[at + length:])


# --- judging ----------------------------------------------------------------


def reason_text(name):
    source = os.path.join(SRCDIR, "include/envelope/reasons.h")
    for line in run.load(source).decode().splitlines():
        if "ENVELOPE_R_%s, " % name in line:
            return line.split('"')[1]
    raise KeyError(name)


def judge_bad(cell, result, bad):
    """What is wrong with how it was refused."""
    want = status_of(cell.face, bad)
    if result.status != want:
        yield "status %d, not %d" % (result.status, want)
    texts = list(bad.words)
    if bad.reason is not None and not cell.name.startswith(TELLS_NO_REASON):
        texts.append(reason_text(bad.reason))
    texts.append(name_of(cell))
    for text in texts:
        if text not in result.said:
            yield "does not say %r" % text
    for name in result.left:
        yield "left %s" % name


TELLS_NO_REASON = "bsdtar", "archive"
NAMED_BY_WORDS = "keys that openssl.cnf names",


def name_of(cell):
    """What the message must name: a file, or what a program has given."""
    if cell.row.group == "labels":
        return "labels"
    if cell.row.group == "required labels":
        return "require"
    if cell.expected.reason == "OTHER_LABELS":
        return "is required"
    if cell.expected.reason in ("OTHER_SIGNER", "UNSIGNED", "BAD_SIGNATURE"):
        return "sign"
    if cell.row.group in NAMED_BY_WORDS or cell.expected.reason in (
            "NO_MATCH", "NO_ALGORITHM"):
        return ""
    if cell.name in MODULE and cell.row.group == "key-encryption keys":
        return ""
    if cell.name not in MEMORY or cell.row.group == "openssl.cnf":
        return os.path.basename(cell.thing.path)
    if cell.row.group == "passphrases":
        return "passphrase"
    if cell.row.group == "signatures":
        return "signer" if cell.face.way == TO else "signed-by"
    return "recipient" if cell.face.way == TO else "identity"


def judge_good(cell, result, openers):
    if result.status != 0:
        yield "status %d" % result.status
    elif cell.face.way == TO:
        sealed = run.load(result.out)
        for label in cell.thing.data if cell.row.group == "labels" else ():
            if label + b"\n" not in sealed:
                yield "has no label %r" % label
        for opener in cell.expected.opener:
            openers[opener].append((cell, result.out))
    elif cell.name.startswith("envelope rewrap"):
        if not result.left:
            yield "changed nothing"
    elif cell.face.way == FROM and cell.name != "envelope verify" \
            and run.load(result.out) != run.load("plain"):
        yield "what came out is something else"
    elif not result.said and cell.name == "envelope fingerprint":
        yield "said nothing"


def judge_opened(openers, complaints):
    """Is what was encrypted opened by whom it is for?"""
    for opener, made in openers.items():
        paths = [path for _, path in made]
        ran = subprocess.run([PLACE.envelope, "verify", *opener, *paths],
                             env=PLACE.env, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        said = ran.stdout.decode(errors="replace")
        for cell, path in made:
            if "%s: verified, " % path not in said:
                complaints[cell].append("not opened by %s" % (opener,))


# --- running ----------------------------------------------------------------


def expected_of(cell_row, name):
    way = FACES[name].way
    for key in name, way:
        if key in cell_row.but:
            return cell_row.but[key]
    return cell_row.expected


def make_thing(number, row, way):
    """The file of a row, for one way, and what to run before a face."""
    content = row.private if way == FROM else row.public
    path = PLACE.path("things", "%d.%s" % (number, way),
                      row.options.get("called", "the-thing"))
    os.makedirs(os.path.dirname(path))
    if callable(content):
        content(path)
    elif row.make is not None:
        row.make(path)
    elif isinstance(content, bytes):
        put(path, content)
    if row.options.get("locked") and isinstance(content, bytes):
        os.chmod(path, 0)
    return Thing(path, content)


def cells_of(number, row, prefix):
    things = {}
    for name, face in FACES.items():
        expected, give = expected_of(row, name), GIVEN[row.group][name]
        if isinstance(expected, Absent) or isinstance(give, Absent):
            continue
        if face.way not in things:
            things[face.way] = make_thing(number, row, face.way)
        thing = things[face.way]
        cell = run.Cell(PLACE, "%d.%s" % (number, name.replace(" ", "-")),
                        row, face, give(thing), prefix)
        cell.name, cell.thing, cell.expected = name, thing, expected
        yield cell


def holes():
    """Cells that are not there: neither run nor explained."""
    for group, column in GIVEN.items():
        for name in sorted(FACES.keys() ^ column.keys()):
            yield "%s: %s" % (group, name)
    for row in ROWS:
        for key in row.but.keys() - FACES.keys() - {TO, FROM, BESIDE}:
            yield "%s: there is no face %s" % (row.name, key)
        if row.make is None and row.private is None and not isinstance(
                row.but.get(FROM), Absent):
            yield "%s: nothing to decrypt with" % row.name


def nobody():
    """How to run something as somebody who must not read everything; None if
    that is not possible here."""
    if os.getuid() != 0:
        return []
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    try:
        for path in PLACE.envelope, PLACE.program, PLACE.bsdtar, \
                PLACE.directory:
            subprocess.run([*prefix, "test", "-x", path], check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return prefix


def skip(number, name, why):
    """False where nothing may be skipped."""
    if os.environ.get("ENVELOPE_NO_SKIP"):
        report(number, name, ["cannot run: " + why])
        return False
    print("ok %d - %s # SKIP %s" % (number, name, why))
    return True


def report(number, name, complaints):
    print("%sok %d - %s" % ("not " if complaints else "", number, name))
    for complaint in complaints:
        print("# " + "".join(c if c.isprintable() else "?"
                             for c in complaint)[:400])


def main(word):
    make_keys([PLACE.openssl])
    make_fixtures(PLACE)
    for fill in (text_rows, format_rows, sound_rows, certificate_rows, mistaken_rows,
                 stored_rows, file_rows, directory_rows, passphrase_rows, kek_rows, label_rows,
                 required_label_rows, signature_rows,
                 configuration_rows):
        fill()
    rows = [row for row in ROWS if word in row.group + ": " + row.name]
    print("1..%d" % (len(rows) + 1))
    missing = list(holes())
    report(1, "every row goes through every face, or says why not", missing)

    other, cells = nobody(), []
    for number, row in enumerate(rows):
        locked = row.options.get("locked")
        if not locked or other is not None:
            cells += cells_of(number, row, other if locked else [])
    results = run.run_all(cells)
    complaints, openers = {cell: [] for cell in cells}, \
        collections.defaultdict(list)
    for cell, result in zip(cells, results):
        cell.said = result.said
        if isinstance(cell.expected, Bad):
            complaints[cell] += judge_bad(cell, result, cell.expected)
        else:
            complaints[cell] += judge_good(cell, result, openers)
    judge_opened(openers, complaints)

    failed = bool(missing)
    for number, row in enumerate(rows, 2):
        name = "%s: %s" % (row.group, row.name)
        mine = [cell for cell in cells if cell.row is row]
        wrong = [cell for cell in mine if complaints[cell]]
        if not mine:
            failed |= not skip(number, name, "root may read every file")
            continue
        failed |= bool(wrong)
        report(number, name, ["%s: %s; it said: %s" % (
            cell.name, "; ".join(complaints[cell]), cell.said)
            for cell in wrong])
    return 1 if failed else 0


if __name__ == "__main__":
    SRCDIR = os.path.abspath(os.environ.get("srcdir", "."))
    for ready, why in ("top_builddir" in os.environ,
                       "top_builddir is not set"), \
            (shutil.which("bsdtar"), "bsdtar is not installed"):
        if not ready:
            print("1..1")
            sys.exit(not skip(1, "faces", why))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o022)  # somebody else has to get there
    WHERE = tempfile.mkdtemp(prefix="envelope-faces.")
    try:
        os.chmod(WHERE, 0o755)
        PLACE = run.Place(WHERE)
        os.chdir(WHERE)
        STATUS = main(" ".join(sys.argv[1:]))
    finally:
        os.chdir("/")
        shutil.rmtree(WHERE)
    sys.exit(STATUS)
