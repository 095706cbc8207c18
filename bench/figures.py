# SPDX-License-Identifier: Apache-2.0
"""From samples to figures: medians, ratios of the same turn, their spread."""
import statistics

GIB = 1 << 30


class Spread:
    """A median and the quartiles around it."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        if len(self.values) > 1:
            self.low, _, self.high = statistics.quantiles(
                self.values, n=4, method="inclusive")
        else:
            self.low = self.high = self.median

    def record(self):
        return {"median": self.median, "quartiles": [self.low, self.high]}


def _column(group, way, direction, what):
    """A value for each turn, None where the way had none."""
    samples = group["ways"].get(way, {}).get("samples", {}).get(direction, [])
    return [sample and sample.get(what) for sample in samples]


def _spread(values):
    values = [value for value in values if value is not None]
    return Spread(values) if values else None


def rate(group, way, direction):
    """GiB per second; of small files, how many per second."""
    amount = group.get("count") or group["bytes"] / GIB
    return _spread(wall and amount / wall for wall in
                   _column(group, way, direction, "wall"))


def cpu(group, way, direction):
    """Processor seconds per GiB."""
    if "bytes" not in group:
        return None
    return _spread(None if used is None else used * GIB / group["bytes"]
                   for used in _column(group, way, direction, "cpu"))


def peak(group, way, direction):
    """MiB of memory, at most."""
    return _spread(_column(group, way, direction, "peak_mib"))


def seconds(group, way, direction):
    return _spread(_column(group, way, direction, "wall"))


def read(group, way, direction):
    """MiB that were read, where that was counted."""
    return _spread(_column(group, way, direction, "read_mib"))


def _ratio(above, below):
    return _spread(a / b if a and b else None for a, b in zip(above, below))


def speed_ratio(group, way, reference, direction):
    """How many times as fast as the reference in the same turn."""
    return _ratio(_column(group, reference, direction, "wall"),
                  _column(group, way, direction, "wall"))


def cpu_ratio(group, way, reference, direction):
    """How many times the reference's processor seconds, turn by turn."""
    return _ratio(_column(group, way, direction, "cpu"),
                  _column(group, reference, direction, "cpu"))


def summary(group):
    """All of these for a group, to be kept beside its samples."""
    kept = {}
    for way, record in group["ways"].items():
        for direction in record["samples"]:
            found = {"rate": rate(group, way, direction),
                     "cpu_per_gib": cpu(group, way, direction),
                     "peak_mib": peak(group, way, direction)}
            if group["reference"]:
                found["ratio"] = speed_ratio(group, way, group["reference"],
                                             direction)
            kept.setdefault(way, {})[direction] = {
                name: spread.record() for name, spread in found.items()
                if spread}
    return kept
