# SPDX-License-Identifier: Apache-2.0
"""Many small envelopes in one process: what bench/small says, as a group."""
import turns

TITLES = {
    "limit": ("libcrypto wraps or unwraps as many keys", "limit"),
    "operations": ("libcrypto, all that an envelope needs of it", "limit"),
    "pem": ("EVP, a context and the key as PEM for each", "ours"),
    "again": ("EVP, one context, initialised again", "ours"),
    "copy": ("EVP, copies of a context with the key", "ours"),
    "signed": ("EVP, one context, initialised again, signed", "signed"),
    "signature": ("libcrypto's Ed25519 alone: sign and check, or check",
                  "limit"),
}
COUNT = 10000
COUNT_QUICK = 50


def group(bench):
    """The program alternates by itself; a first turn warms up here, too."""
    count = COUNT_QUICK if bench.quick else COUNT
    title = f"{count:,} envelopes of 4 KiB for an RSA-2048 key"
    turns.say(title)
    ways = {name: {"title": title, "kind": kind, "samples": {}}
            for name, (title, kind) in TITLES.items()}
    for line in bench.output([f"{bench.build}/bench/small", str(count),
                              str(bench.turns + 1)],
                             ENVELOPE_MODULES=f"{bench.build}/.libs"):
        turn, direction, name, seconds = line.split()
        samples = ways[name]["samples"].setdefault(direction, [])
        if int(turn) > 0:
            samples.append({"wall": float(seconds)})
    return {"title": title, "count": count, "reference": "limit",
            "ways": ways}
