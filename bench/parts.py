# SPDX-License-Identifier: Apache-2.0
"""One envelope verified in parts: two jobs that have a half each, against one job.

On one machine it shows what a job more is worth where its processor is free, as it
is on another machine.  Verifying in one process, with threads, is beside it.
"""
import tools
import turns
from measure import Line

SEALED = "sealed"


def ways(build):
    """name: (title, line for a shell)"""
    verify = f"{build}/envelope verify -i {tools.OWN_KEYS[0]}"

    def jobs(count):
        return (f"seq {count} | xargs -P {count} -I@ "
                f"{verify} --part @/{count} --json {SEALED} | "
                f"{build}/envelope verify --parts | grep -q ^whole:")

    return {
        "one": ("`verify --part`, one job", jobs(1)),
        "two": ("`verify --part`, two jobs at a time", jobs(2)),
        "whole-j1": ("`verify`, 1 thread", f"{verify} -q -j1 {SEALED}"),
        "whole-j2": ("`verify`, 2 threads", f"{verify} -q -j2 {SEALED}"),
    }


def group(bench):
    title = "verify --part: jobs that do a part each"
    found = ways(bench.build)
    seal = tools.ours(bench.build, "raw", 2).seal("plain", None)
    bench.runner.run(Line([seal], stdout=SEALED))
    samples = turns.take(
        list(found), bench.turns,
        lambda name, turn: {"decrypt": bench.runner.shell(found[name][1])},
        title)
    bench.runner.shell(f"rm {SEALED}")
    return {
        "title": title,
        "bytes": bench.size,
        "reference": "one",
        "ways": {name: {"title": way[0], "kind": "ours",
                        "samples": samples[name]}
                 for name, way in found.items()},
    }
