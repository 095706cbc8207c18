# SPDX-License-Identifier: Apache-2.0
"""Results as Markdown."""
import figures
import machine

DASH = "–"


def _number(value):
    """Three digits that count, none of them after a large number."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _cell(spread):
    return DASH if spread is None else _number(spread.median)


def _cell_with_spread(spread):
    if spread is None:
        return DASH
    if len(spread.values) == 1:
        return f"{_number(spread.median)} (one turn)"
    return (f"{_number(spread.median)} "
            f"({_number(spread.low)} to {_number(spread.high)})")


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _table(head, rows):
    return [_row(head), "|" + "---|" * len(head)] + [_row(row) for row in rows]


def _directions(group):
    return [direction for direction in ("encrypt", "decrypt")
            if any(direction in way["samples"]
                   for way in group["ways"].values())]


def _rates(name, group):
    """Throughput and what it costs, a row for each way."""
    small = "count" in group
    head = [""]
    for direction in _directions(group):
        head += [f"{direction} " + ("per s" if small else "GiB/s"), "ratio"]
        if not small:
            head += ["CPU s/GiB", "peak MiB"]
    rows = []
    for way, record in group["ways"].items():
        row = [record["title"].replace("|", "\\|")]
        for direction in _directions(group):
            row += [_cell(figures.rate(group, way, direction)),
                    _cell_with_spread(figures.speed_ratio(
                        group, way, group["reference"], direction))]
            if not small:
                row += [_cell(figures.cpu(group, way, direction)),
                        _cell(figures.peak(group, way, direction))]
        rows.append(row)
    return _table(head, rows)


def _memory(name, group):
    part = group["part_bytes"] >> 20
    whole = group["bytes"] >> 20
    columns = [(f"{direction} {words}", f"{direction} {size:,} MiB")
               for direction in ("encrypt", "decrypt")
               for words, size in (("part", part), ("whole", whole))]
    rows = [[record["title"]] + [_cell(figures.peak(group, way, column))
                                 for column, _ in columns]
            for way, record in group["ways"].items()]
    return _table(["peak MiB"] + [title for _, title in columns], rows)


def _member(group):
    """Seconds and what was read, for each kind of archive."""
    kinds = list(next(iter(group["ways"].values()))["samples"])
    rows = [[record["title"]] + [
        _cell(look(group, way, kind)) for kind in kinds
        for look in (figures.seconds, figures.read)]
            for way, record in group["ways"].items()]
    return _table([""] + [f"{kind} {words}" for kind in kinds
                          for words in ("seconds", "MiB read")], rows)


NOTES = {
    "null": "The ratio is to the minimal loop.",
    "file": "The ratio is to `cp`. Ours writes under another name and "
            "renames it when all of it is there.",
    "pipe": "The ratio is to `cat | cat`; CPU and memory are those of X, and "
            "where there is none, of the first `cat`.",
    "memory": "What a longer stream takes more, its length costs.",
    "parts": "The ratio is to one job; no data is written. CPU is that of all "
             "processes, memory that of the largest.",
    "small": "The ratio is to libcrypto alone; it has no data to encrypt.",
    "member": "Members of the tar have 1 MiB, those of the xbstream 10 MiB as "
              "mariabackup's chunks.",
    "mariadb": "The ratio is to the backup alone; CPU and memory are those of "
               "the last process.",
    "archive": "The ratio is to the plain archive; CPU is that of all "
               "processes, memory that of the largest.",
}


def _figure(row):
    if not row or not row["figure"]:
        return DASH
    low, high = row["figure"]["quartiles"]
    words = _number(row["figure"]["median"]) + row["unit"]
    if low != high:
        words += f" ({_number(low)} to {_number(high)})"
    return words


def _verdict(columns):
    """One word for both directions, or which of them."""
    reached = [row["reached"] for row in columns.values()]
    if None in reached:
        return "not measured"
    if any(reached) and not all(reached):
        return f"only {list(columns)[reached.index(True)]}"
    return "yes" if all(reached) else "**no**"


def _goals(rows):
    """A line for each goal, both directions beside each other."""
    lines = {}
    for row in rows:
        key = row["what"], row["bound"]
        lines.setdefault(key, {})[row["direction"]] = row
    body = []
    for (what, bound), columns in lines.items():
        row = next(iter(columns.values()))
        body.append([what, ("at least " if row["at_least"] else "at most ")
                     + f"{bound:g}{row['unit']}",
                     _figure(columns.get("encrypt")),
                     _figure(columns.get("decrypt")), _verdict(columns)])
    return _table(["", "goal", "encrypt", "decrypt", "reached"], body)


def markdown(results, chart):
    """The whole page."""
    taken = results["turns"]
    size = results["size_mib"]
    versions = ", ".join(f"{name} {number}" for name, number
                         in results["machine"]["versions"].items())
    page = ["# Results of bench/run", "",
            machine.in_words(results["machine"]) + f"; {versions}.", "",
            f"{size:,} MiB of random data, {taken} turns. Medians; in "
            "brackets the quartiles of the ratios of single turns. "
            "[bench/README.md](../README.md) says how to read it.", "",
            f"![Throughput and processor time]({chart})", "",
            "## Goals", "", *_goals(results["goals"])]
    for name, group in results["groups"].items():
        page += ["", f"## {group['title']}".replace("|", "\\|"), ""]
        page += _memory(name, group) if name == "memory" \
            else _member(group) if name == "member" \
            else _rates(name, group)
        page += ["", NOTES[name]]
    for name, reason in results["left_out"].items():
        page += ["", f"Left out: {name}: {reason}."]
    return "\n".join(page) + "\n"
