#!/usr/bin/env python3
"""The ears of these tests are tested first: what they must call broken is broken here on purpose."""
import sys

from lab import ears, wire
from lab.promise import check_line, check_recording
from lab.suite import Suite, equal, expect

TONES = {"desk": 450, "mobile": 700}
DESK, MOBILE = ears.tone(450, 1), ears.tone(700, 1)


def complaint(samples):
    return "; ".join(ears.check_flip(samples, "desk", "mobile", TONES)[0])


def clean_splice():
    equal(complaint(DESK + MOBILE), "", "complaints about a clean splice")
    check_recording([0] * 800 + DESK + MOBILE + DESK + [0] * 800, ("desk", "mobile", "desk"), TONES)


def silence():
    expect("silence" in complaint(DESK + [0] * 160 + MOBILE), "20 ms of silence were not heard")


def click():
    expect("step" in complaint(DESK[:-13] + MOBILE), "a hard splice was not heard")
    expect("step" in complaint(DESK + [20000] + MOBILE), "a click was not heard")


def wrong_order():
    for samples in (DESK, MOBILE + DESK, DESK + MOBILE + DESK, DESK + ears.tone(1000, 1)):
        expect("expected desk, then mobile" in complaint(samples), "a wrong order of tones passed")


def codec():
    decoded = [wire._DECODE[8][byte] for byte in wire.alaw_bytes(DESK)]
    worst = max(abs(a - b) for a, b in zip(DESK, decoded))
    expect(worst <= 256, f"A-law there and back is {worst} off")
    equal([r.what for r in ears.runs(decoded, TONES)], ["desk"], "what is heard after A-law")


def stream(count=60, **changes):
    packets = [wire.Rtp(n * 0.02, ("1", 2), ("3", 4), 8, False, 65500 + n & 65535, 160 * n, 7, b"\xd5" * 160)
               for n in range(count)]
    for name, change in changes.items():
        for packet in packets[count // 2:]:
            setattr(packet, name, change(getattr(packet, name)))
    return packets


def line():
    check_line(stream())
    for changes in ({"sequence": lambda s: s + 1}, {"timestamp": lambda t: t + 160}, {"ssrc": lambda _: 8},
                    {"payload_type": lambda _: 0}, {"source": lambda _: ("9", 9)}, {"at": lambda t: t + 0.1}):
        try:
            check_line(stream(**changes))
        except AssertionError:
            continue
        raise AssertionError(f"a stream with another {next(iter(changes))} from its middle on passed")


def main():
    suite = Suite("the ears themselves")
    for title, test in (("a clean splice is clean", clean_splice), ("silence", silence), ("a click", click),
                        ("the wrong tone", wrong_order), ("A-law", codec), ("a doctored stream", line)):
        suite.run(title, test)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
