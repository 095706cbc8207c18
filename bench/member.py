# SPDX-License-Identifier: Apache-2.0
"""One member out of a large archive: what it takes, and what is read for it."""
import io
import os
import re
import struct
import tarfile
import zlib

import tools
import turns
from measure import Line

MIB = 1 << 20
CHUNK = 10 * MIB  # of mariabackup
MEMBER = "member-5"


def _names(bench, length):
    return [f"member-{i}" for i in range(bench.size // length)]


def _write_tar(bench, path):
    """Files of 1 MiB."""
    with open(f"{bench.work}/plain", "rb") as data, \
            tarfile.open(path, "w") as tar:
        for name in _names(bench, MIB):
            info = tarfile.TarInfo(name)
            info.size = MIB
            tar.addfile(info, io.BytesIO(data.read(MIB)))


def _chunk(kind, path):
    return b"XBSTCK01\0" + kind + struct.pack("<I", len(path)) + path


def _write_xbstream(bench, path):
    """Files of one chunk each, as long as mariabackup makes them."""
    length = min(CHUNK, bench.size // 8)
    with open(f"{bench.work}/plain", "rb") as data, open(path, "wb") as out:
        for name in _names(bench, length):
            part = data.read(length)
            out.write(_chunk(b"P", name.encode()) + struct.pack(
                "<QQI", len(part), 0, zlib.crc32(part)) + part)
            out.write(_chunk(b"E", name.encode()))


WRITERS = {"tar": _write_tar, "xbstream": _write_xbstream}


def _ways(build):
    """The words of each command, without the file; a member follows it."""
    program, key = f"{build}/envelope", tools.OWN_KEYS[0]
    return {
        "all": ("decrypt all of it", "limit", [program, "-d", "-i", key], []),
        "list": ("`envelope list`", "ours",
                 [program, "list", "-v", "-i", key], []),
        "extract": ("`envelope extract`, one member", "ours",
                    [program, "extract", "-v", "-i", key], [MEMBER]),
    }


def _bytes_read(bench, path):
    """What the command says; decrypting reads all."""
    with open(f"{bench.work}/stderr.0") as file:
        said = re.search(r", (\d+) of (\d+) bytes read$", file.read(), re.M)
    return int(said[1]) if said else os.path.getsize(path)


def _run_one(bench, way, kind):
    _, _, words, members = _ways(bench.build)[way]
    path = f"{bench.work}/sealed.{kind}"
    sample = bench.runner.run(Line([words + [path] + members]))
    sample["read_mib"] = _bytes_read(bench, path) / MIB
    return sample


def _check(bench):
    """What comes out of the tar is what went in."""
    program, key = f"{bench.build}/envelope", tools.OWN_KEYS[0]
    bench.runner.shell(
        f"{program} extract -i {key} sealed.tar {MEMBER} | tar -xOf - "
        f"| cmp - <(tail -c +{5 * MIB + 1} plain | head -c {MIB})")


def group(bench):
    title = f"One member of an archive of {bench.size // MIB:,} MiB"
    for kind, write in WRITERS.items():
        path = f"{bench.work}/archive"
        write(bench, path)
        bench.runner.run(Line([[f"{bench.build}/envelope", "-f", "-r",
                                tools.OWN_KEYS[1], "--carrier", "raw", "-o",
                                f"sealed.{kind}", path]]))
        os.unlink(path)
    _check(bench)
    found = _ways(bench.build)
    samples = turns.take(
        list(found), bench.turns,
        lambda way, turn: {kind: _run_one(bench, way, kind)
                           for kind in WRITERS}, title)
    for kind in WRITERS:
        os.unlink(f"{bench.work}/sealed.{kind}")
    return {"title": title, "bytes": bench.size, "reference": "all",
            "ways": {name: {"title": way[0], "kind": way[1],
                            "samples": samples[name]}
                     for name, way in found.items()}}
