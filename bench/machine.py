# SPDX-License-Identifier: Apache-2.0
"""The machine in words: what matters for the numbers, and not its name."""
import datetime
import os
import platform
import re
import shutil
import subprocess

# Processor features that decide how fast AES-GCM can be.
FEATURES = ("aes", "pclmulqdq", "avx2", "vaes", "vpclmulqdq", "avx512f",
            "pmull", "sve2")

VERSIONS = {
    "age": ["age", "--version"],
    "gpg": ["gpg", "--version"],
    "bsdtar": ["bsdtar", "--version"],
    "mariabackup": ["mariabackup", "--version"],
    "gcc": ["gcc", "--version"],
}


def _cpu():
    """What /proc/cpuinfo says of the first processor."""
    found = {}
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    model = found.get("model name", platform.machine())
    if "cpu family" in found:
        model += f", family {found['cpu family']} model {found['model']}"
    flags = (found.get("flags") or found.get("Features") or "").split()
    return model, [name for name in FEATURES if name in flags], "hypervisor" \
        in flags


def _system():
    with open("/etc/os-release") as file:
        names = dict(line.rstrip("\n").split("=", 1) for line in file
                     if "=" in line)
    return names.get("PRETTY_NAME", "Linux").strip('"')


def _version(command):
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, check=False, text=True,
                          capture_output=True)
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return number.group() if number else "unknown"


def _memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)


def describe(load):
    """A record of it, for the results; load is what else ran before."""
    model, features, virtual = _cpu()
    kernel = re.match(r"[0-9.]*\d", platform.release())
    versions = {name: _version(words) for name, words in VERSIONS.items()}
    openssl = subprocess.run(["openssl", "version"], check=True, text=True,
                             capture_output=True).stdout.split()
    return {
        "cpu": model,
        "features": features,
        "virtual": virtual,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(_memory_gib()),
        "kernel": kernel.group() if kernel else platform.release(),
        "system": _system(),
        "openssl": openssl[1],
        "versions": {name: one for name, one in versions.items() if one},
        "load_before": round(load, 2),
        "date": datetime.date.today().isoformat(),
    }


def in_words(record):
    """One sentence."""
    kind = "a virtual machine" if record["virtual"] else "bare metal"
    return (f"{record['cpu']} ({', '.join(record['features'])}), {kind} with "
            f"{record['cores']} cores and {record['memory_gib']} GiB, "
            f"{record['system']}, Linux {record['kernel']}, OpenSSL "
            f"{record['openssl']}, {record['date']}")
