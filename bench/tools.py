# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared: their keys, and how each is called.

A tool encrypts ("seal") and decrypts ("open"): both take the file to read, or
None for standard input, and the file to write, or None for standard output,
and give the words of a command.  Files are named relative to the directory
that all of it happens in.
"""
import dataclasses
import shutil
import subprocess
import typing

AGE_KEYS = "age.key", "age.pub"
CMS_KEYS = "cms.key", "cms.crt"
OWN_KEYS = "ops.key", "ops.pub"
PASSWORD = "password"
GNUPG = "gnupg"


@dataclasses.dataclass
class Tool:
    """What is known of a program."""
    title: str
    seal: typing.Optional[typing.Callable]
    open: typing.Optional[typing.Callable]  # None: it only copies
    kind: str = "peer"   # or "limit", or "ours"
    env: dict = dataclasses.field(default_factory=dict)
    # Decrypting takes so many times the file in memory, and long: one turn.
    hungry: float = 0
    program: str = ""


def _optional(option, value):
    return [option, value] if value else []


def _cat(source, target):
    assert source and target is None
    return ["cat", source]


def _age(options):
    def command(source, target):
        return (["age"] + options + _optional("-o", target)
                + ([source] if source else []))
    return command


def _gpg(options):
    def command(source, target):
        return (["gpg", "--homedir", GNUPG, "--batch", "--yes", "--quiet",
                 "--output", target or "-"] + options
                + ([source] if source else []))
    return command


def _openssl(options):
    def command(source, target):
        return (["openssl"] + options + _optional("-in", source)
                + _optional("-out", target))
    return command


def _envelope(program, options):
    def command(source, target):
        return ([program] + options + _optional("-o", target)
                + (["-f"] if target else []) + ([source] if source else []))
    return command


def _gcm_loop(program, options):
    def command(source, target):
        assert source and target is None
        return [program] + options + [source]
    return command


def limits(build):
    """What there is to be had."""
    loop = f"{build}/bench/gcm_loop"
    return {
        "cat": Tool("`cat`", _cat, None, kind="limit"),
        "gcm": Tool("AES-256-GCM, minimal loop", _gcm_loop(loop, []),
                    _gcm_loop(loop, ["-d"]), kind="limit"),
        "gcm-chunks": Tool("the same, in chunks of 16 KiB",
                           _gcm_loop(loop, ["-c"]),
                           _gcm_loop(loop, ["-c", "-d"]), kind="limit"),
        "cp": Tool("`cp`", lambda source, target: ["cp", source, target],
                   lambda source, target: ["cp", source, target],
                   kind="limit"),
    }


def ours(build, carrier, threads, name="`envelope`"):
    """The command of this project."""
    program = f"{build}/envelope"
    titles = {1: "1 thread", 2: "2 threads"}
    title = f"{name}, {titles[threads]}"
    if carrier not in ("raw", "auto"):
        title += f", {carrier}"
    return Tool(title,
                _envelope(program, ["-r", OWN_KEYS[1], "--carrier", carrier,
                                    f"-j{threads}"]),
                _envelope(program, ["-d", "-i", OWN_KEYS[0], f"-j{threads}"]),
                kind="ours")


def with_receipt(build):
    """The command, which makes a receipt, too; decrypting has none."""
    plain = ours(build, "raw", 2)
    return dataclasses.replace(
        plain, title=f"{plain.title}, with a receipt",
        seal=_envelope(f"{build}/envelope",
                       ["-r", OWN_KEYS[1], "--carrier", "raw", "-j2",
                        "--receipt", "receipt.json", "-f"]))


def provider(build):
    """Our cipher within stock openssl."""
    words = ["enc", "-provider", "envelope", "-envelope", "-K", "0"]
    return Tool("`openssl enc -provider envelope`", _openssl(words),
                _openssl(words + ["-d"]), kind="ours",
                env={"OPENSSL_MODULES": f"{build}/.libs",
                     "ENVELOPE_RECIPIENTS": OWN_KEYS[1],
                     "ENVELOPE_IDENTITIES": OWN_KEYS[0]})


def peers():
    """What else there is, as far as it is installed."""
    ctr = ["enc", "-aes-256-ctr", "-pbkdf2", "-pass", f"file:{PASSWORD}"]
    cms = ["cms", "-binary", "-stream", "-outform", "DER"]
    found = {
        "age": Tool("`age`", _age(["-R", AGE_KEYS[1]]),
                    _age(["-d", "-i", AGE_KEYS[0]]), program="age"),
        "gpg": Tool("`gpg`, AES-256",
                    _gpg(["--cipher-algo", "AES256", "--compress-algo",
                          "none", "--trust-model", "always",
                          "--recipient", "bench", "--encrypt"]),
                    _gpg(["--decrypt"]), program="gpg"),
        "cms": Tool("`openssl cms`, AES-256-GCM",
                    lambda source, target: _openssl(
                        cms + ["-encrypt", "-aes-256-gcm"])(source, target)
                    + [CMS_KEYS[1]],
                    _openssl(["cms", "-binary", "-decrypt", "-inform", "DER",
                              "-inkey", CMS_KEYS[0]]),
                    hungry=2.6, program="openssl"),
        "ctr": Tool("`openssl enc -aes-256-ctr`", _openssl(ctr),
                    _openssl(ctr + ["-d"]), program="openssl"),
    }
    return {name: tool for name, tool in found.items()
            if shutil.which(tool.program)}


def make_keys(build, work, env):
    """Keys of all programs, in the directory; each once."""
    def run(command):
        subprocess.run(["sh", "-ec", command], cwd=work, env=env, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run(f"{build}/envelope keygen -o {OWN_KEYS[0]}")
    run("openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=bench "
        f"-keyout {CMS_KEYS[0]} -out {CMS_KEYS[1]}")
    run(f"openssl rand -hex 16 >{PASSWORD}")
    if shutil.which("age"):
        run(f"age-keygen -o {AGE_KEYS[0]}; "
            f"age-keygen -y {AGE_KEYS[0]} >{AGE_KEYS[1]}")
    if shutil.which("gpg"):
        run(f"mkdir -m 700 {GNUPG}; gpg --homedir {GNUPG} --batch "
            "--passphrase '' --quick-generate-key bench future-default "
            "default never")


def stop_agents(work, env):
    """gpg has started a process that would stay."""
    if shutil.which("gpgconf"):
        subprocess.run(["gpgconf", "--homedir", GNUPG, "--kill", "all"],
                       cwd=work, env=env, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
