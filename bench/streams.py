# SPDX-License-Identifier: Apache-2.0
"""Groups that measure one stream: to /dev/null, to a file, through pipes.

An encrypted file exists only while its way has its turn, so that two or three
times the size is enough room, however many ways there are.
"""
import os

import tools
import turns
from measure import Line

PLAIN = "plain"
SEALED = "sealed"
BACK = "back"
PART = "part"

MIB = 1 << 20
DIRECTIONS = ("encrypt", "decrypt")


def _own(bench, carriers=("raw",)):
    ways = {f"ours-{carrier}-j{threads}":
            tools.ours(bench.build, carrier, threads)
            for carrier in carriers for threads in (1, 2)}
    if bench.other_build:
        ways.update({f"mb-raw-j{threads}": tools.ours(
            bench.other_build, "raw", threads, "`envelope` with libipsec-mb")
                     for threads in (1, 2)})
    return ways


def _remove(bench, *names):
    for name in names:
        path = os.path.join(bench.work, name)
        if os.path.exists(path):
            os.unlink(path)


def _group(bench, title, ways, reference, run_one, size=None):
    """The record of a group whose ways are tools."""
    samples = turns.take(list(ways), bench.turns,
                         lambda way, turn: run_one(bench, ways[way], turn),
                         title)
    return {
        "title": title,
        "bytes": size or bench.size,
        "reference": reference,
        "ways": {name: {"title": tool.title, "kind": tool.kind,
                        "samples": samples[name]}
                 for name, tool in ways.items() if samples[name]},
    }


def _seal(bench, tool, plain=PLAIN):
    """The encrypted file; how long it took is not looked at."""
    bench.runner.run(Line([tool.seal(plain, None)], stdout=SEALED,
                          env=tool.env))


def _affordable(bench, tool, turn):
    """Decrypting with openssl cms is for one turn, if memory allows."""
    if not tool.hungry:
        return True
    return turn == 1 and bench.memory_for((tool.hungry + 1) * bench.size)


def _check(bench, words, tool, plain=PLAIN):
    """What is decrypted is what was encrypted: said once, not timed."""
    bench.runner.run(Line([words, ["cmp", "-", plain]], env=tool.env))


# File to /dev/null

def _to_null(bench, tool, turn):
    taken = {"encrypt": bench.runner.run(Line([tool.seal(PLAIN, None)],
                                              env=tool.env))}
    if tool.open is None:
        return {**taken, "decrypt": taken["encrypt"]}
    if _affordable(bench, tool, turn):
        _seal(bench, tool)
        words = tool.open(SEALED, None)
        if turn == 0:
            _check(bench, words, tool)
        else:
            taken["decrypt"] = bench.runner.run(Line([words], env=tool.env))
        _remove(bench, SEALED)
    return taken


def null(bench):
    limits = tools.limits(bench.build)
    ways = {name: limits[name] for name in ("cat", "gcm", "gcm-chunks")}
    ways.update(_own(bench, ("raw", "tar", "xbstream")))
    ways["ours-receipt-j2"] = tools.with_receipt(bench.build)
    ways["provider"] = tools.provider(bench.build)
    ways.update(tools.peers())
    return _group(bench, "File to /dev/null", ways, "gcm", _to_null)


# File to file

def _to_file(bench, tool, turn):
    taken = {
        "encrypt": bench.runner.run(Line([tool.seal(PLAIN, SEALED)],
                                         env=tool.env)),
        "decrypt": bench.runner.run(Line([tool.open(SEALED, BACK)],
                                         env=tool.env)),
    }
    if turn == 0:
        _check(bench, ["cat", BACK], tool)
    _remove(bench, SEALED, BACK)
    return taken


def file(bench):
    ways = {"cp": tools.limits(bench.build)["cp"], **_own(bench)}
    peers = tools.peers()
    ways.update({name: peers[name] for name in ("age", "ctr")
                 if name in peers})
    return _group(bench, "File to file, in memory (tmpfs)", ways, "cp",
                  _to_file)


# Through pipes

def _piped(bench, tool, turn):
    """cat FILE | tool | cat; with no tool, cat | cat."""
    if tool.open is None:
        line = Line([["cat", PLAIN], ["cat"]], counted=0)
        return dict.fromkeys(DIRECTIONS, bench.runner.run(line))

    def run(words, source):
        return bench.runner.run(Line([["cat", source], words, ["cat"]],
                                     env=tool.env, counted=1))

    taken = {"encrypt": run(tool.seal(None, None), PLAIN)}
    _seal(bench, tool)
    if turn == 0:
        _check(bench, tool.open(SEALED, None), tool)
    taken["decrypt"] = run(tool.open(None, None), SEALED)
    _remove(bench, SEALED)
    return taken


def pipe(bench):
    nothing = tools.Tool("`cat | cat`", None, None, kind="limit")
    ways = {"none": nothing, **_own(bench)}
    peers = tools.peers()
    ways.update({name: peers[name] for name in ("age", "gpg", "ctr")
                 if name in peers})
    return _group(bench, "Through pipes: cat file | X | cat", ways, "none",
                  _piped)


# Memory

def _both_ends(bench, tool, turn):
    """The same at two lengths: what they differ by, length costs."""
    del turn
    taken = {}
    for words, source in (("part", PART), ("whole", PLAIN)):
        taken[f"encrypt {words}"] = bench.runner.run(
            Line([tool.seal(source, None)], env=tool.env))
        _seal(bench, tool, source)
        taken[f"decrypt {words}"] = bench.runner.run(
            Line([tool.open(SEALED, None)], env=tool.env))
        _remove(bench, SEALED)
    return taken


def memory(bench):
    """Peak memory at 64 MiB, or less for a small run, and at all of it."""
    part = min(64 * MIB, bench.size // 2)
    bench.runner.run(Line([["head", "-c", str(part), PLAIN]], stdout=PART))
    ways = {name: tool for name, tool in
            _own(bench, ("raw", "tar", "xbstream")).items()
            if name.endswith("j2")}
    group = _group(bench, "Peak memory, 2 threads", ways, None, _both_ends)
    group["part_bytes"] = part
    _remove(bench, PART)
    return group
