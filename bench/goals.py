# SPDX-License-Identifier: Apache-2.0
"""What speed is wanted, and whether it is there: ratios within one run."""
import dataclasses

import figures

BOTH = ("encrypt", "decrypt")
PEAK_MAX = 48


@dataclasses.dataclass
class Goal:
    """One line: a figure, found by look(), is at least or at most bound."""
    what: str
    bound: float
    at_least: bool
    look: object
    directions: tuple = BOTH
    unit: str = ""


def _speed(group, way, reference):
    return lambda groups, direction: figures.speed_ratio(
        groups[group], way, reference, direction)


def _cpu(way, reference):
    return lambda groups, direction: figures.cpu_ratio(
        groups["null"], way, reference, direction)


def _wall(group, way, reference):
    """Time instead of speed, for a goal that is said in time."""
    return lambda groups, direction: figures.speed_ratio(
        groups[group], reference, way, direction)


def _best_small(groups, direction):
    """The fastest way that the interface offers."""
    group = groups["small"]
    found = [figures.speed_ratio(group, way, "limit", direction)
             for way, record in group["ways"].items()
             if record["kind"] == "ours"]
    return max(found, key=lambda spread: spread.median)


def _peak(groups, direction):
    """The highest of all runs with two threads, in every group of streams."""
    found = []
    for name in ("null", "file", "pipe", "memory"):
        group = groups.get(name, {"ways": {}})
        for way, record in group["ways"].items():
            if record["kind"] == "ours" and way.endswith("j2"):
                for column in record["samples"]:
                    if column.startswith(direction):
                        found += figures.peak(group, way, column).values
    return figures.Spread([max(found)])


GOALS = (
    Goal("file to /dev/null, 1 thread, against the minimal GCM loop", 0.95,
         True, _speed("null", "ours-raw-j1", "gcm")),
    Goal("the same, 2 threads", 1.7, True,
         _speed("null", "ours-raw-j2", "gcm")),
    Goal("file to file in memory, 2 threads, against `cp`", 0.9, True,
         _speed("file", "ours-raw-j2", "cp")),
    Goal("`cat file \\| envelope \\| cat`, 2 threads, against `cat \\| cat`",
         2, True, _speed("pipe", "ours-raw-j2", "none")),
    Goal("against `age`, 2 threads", 3, True,
         _speed("null", "ours-raw-j2", "age"), ("encrypt",)),
    Goal("against `age`, 2 threads", 4, True,
         _speed("null", "ours-raw-j2", "age"), ("decrypt",)),
    Goal("CPU seconds, 1 thread, of those of `openssl enc -aes-256-ctr`", 0.9,
         False, _cpu("ours-raw-j1", "ctr")),
    Goal("the same, 2 threads", 0.9, False, _cpu("ours-raw-j2", "ctr")),
    Goal("CPU seconds, 1 thread, of those of `age`", 0.55, False,
         _cpu("ours-raw-j1", "age")),
    Goal("the same, 2 threads", 0.55, False, _cpu("ours-raw-j2", "age")),
    Goal("peak memory with 2 threads, the highest of all", PEAK_MAX, False,
         _peak, unit=" MiB"),
    Goal("small files, the fastest way, against libcrypto's keys alone", 0.8,
         True, _best_small),
    Goal("wall time of `mariabackup`, 2 threads, of that without us", 1.05,
         False, _wall("mariadb", "ours-j2", "plain"), ("encrypt",)),
    Goal("`bsdtar` with the filter, 2 threads, against plain", 0.8, True,
         _speed("archive", "ours-j2", "plain")),
)


def _judge(goal, groups, direction):
    """One row; figure is None where the groups were not measured."""
    try:
        figure = goal.look(groups, direction)
    except (KeyError, ValueError):
        figure = None
    row = {"what": goal.what, "direction": direction, "bound": goal.bound,
           "at_least": goal.at_least, "unit": goal.unit, "figure": None,
           "reached": None}
    if figure is not None:
        row["figure"] = figure.record()
        row["reached"] = (figure.median >= goal.bound if goal.at_least
                          else figure.median <= goal.bound)
    return row


def judge(groups):
    """A row for each goal and direction."""
    return [_judge(goal, groups, direction) for goal in GOALS
            for direction in goal.directions]
