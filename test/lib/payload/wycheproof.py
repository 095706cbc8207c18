#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hands the Cobblestone-256 vectors of Wycheproof to the program beside it.

The file is named by the argument or by ENVELOPE_WYCHEPROOF; without one there
is nothing to judge by, and that is one skipped test.
"""
import json
import os
import subprocess
import sys
import zlib

JUDGE = os.path.join(os.environ.get("top_builddir", "."),
                     "test/lib/payload/wycheproof")


def line(test):
    """One vector as the words that wycheproof.c reads."""
    message = zlib.decompress(bytes.fromhex(test["ct"]))
    words = [
        "vector-%d" % test["tcId"], test["result"],
        "+".join(test["flags"]), test["key"], test["ctx"], message.hex(),
        str(test.get("msgLength", 0)), test.get("msgSha512", ""),
    ]
    return " ".join(word or "-" for word in words) + "\n"


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else \
        os.environ.get("ENVELOPE_WYCHEPROOF")
    if not path or not os.path.exists(path):
        print("1..1\nok 1 - Wycheproof # SKIP ENVELOPE_WYCHEPROOF names no "
              "file with the vectors")
        return 0
    with open(path) as file:
        data = json.load(file)
    if data["algorithm"] != "Cobblestone-256":
        sys.exit("%s: not for Cobblestone-256" % path)
    tests = [t for group in data["testGroups"] for t in group["tests"]]
    if len(tests) != data["numberOfTests"]:
        sys.exit("%s: %d vectors, not %d" % (path, len(tests),
                                             data["numberOfTests"]))
    return subprocess.run([JUDGE], input="".join(map(line, tests)),
                          text=True).returncode


if __name__ == "__main__":
    sys.exit(main())
