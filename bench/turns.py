# SPDX-License-Identifier: Apache-2.0
"""Taking turns: every way once in each turn, in an order that changes.

What slows the machine down for a while slows all ways of that turn, and no way
always follows the same other one.  The first turn warms up and is dropped.
"""
import random
import sys


def say(words):
    """A word on how far it is, away from the results."""
    print(words, file=sys.stderr, flush=True)


def take(ways, turns, run_one, title):
    """{way: {direction: samples}}, a sample or None for each turn.

    run_one(way, turn) returns {direction: sample}; turn 0 is the first one,
    which may check results instead.  The order is the same in every run, so
    that two runs can be compared.
    """
    samples = {way: {} for way in ways}
    for turn in range(turns + 1):
        say(f"{title}: {f'turn {turn} of {turns}' if turn else 'warming up'}")
        order = list(ways)
        random.Random(turn).shuffle(order)
        for way in order:
            taken = run_one(way, turn)
            for direction, sample in taken.items():
                if turn > 0:
                    column = samples[way].setdefault(direction, [None] * turns)
                    column[turn - 1] = sample
    return samples
