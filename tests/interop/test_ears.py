#!/usr/bin/env python3
"""The ears of these tests are tested first: what they must call broken is broken here on purpose."""
import contextlib
import io
import math
import sys

from lab import codecs, ears, wire
from lab.promise import check_line, check_recording, own_lateness_ms
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


def opus():
    """What is encoded is heard, in its time; a packet that is left out is silence."""
    coder = codecs.OpusEncoder(1)
    samples = [round(8000 * math.sin(2 * math.pi * 450 * n / 48000)) for n in range(48000)]
    packets = [wire.Rtp(n * 0.02, ("1", 2), ("3", 4), 96, False, n, 960 * n, 7, coder.encode(samples[960 * n:960 * (n + 1)]))
               for n in range(50)]
    equal([r.what for r in ears.runs(codecs.decode(packets, codecs.OPUS)[320:], TONES)], ["desk"], "what is heard")
    del packets[20:25]
    expect("silence" in ears.describe(codecs.decode(packets, codecs.OPUS), TONES), "100 ms without packets were not heard")


def g722():
    coder = codecs.G722Encoder()
    samples = [round(8000 * math.sin(2 * math.pi * 700 * n / 16000)) for n in range(16000)]
    packets = [wire.Rtp(n * 0.02, ("1", 2), ("3", 4), 9, False, n, 160 * n, 7, coder.encode(samples[320 * n:320 * (n + 1)]))
               for n in range(50)]
    equal([r.what for r in ears.runs(codecs.decode(packets, codecs.G722)[320:], TONES)], ["mobile"], "what is heard")


def own_lateness():
    """B's proving packet comes 6 ms before its rhythm, and the server holds each packet for 1 ms."""
    sent = [wire.Rtp(n * 0.02 + (0 if n == 1 else 0.006), ("1", 2), ("3", 4), 8, False, n, 160 * n, 7, b"\xd5" * 160)
            for n in range(80)]
    left = [wire.Rtp(p.at + 0.001, ("3", 4), ("5", 6), 8, False, p.sequence + 500, p.timestamp, 9, p.payload) for p in sent[1:]]
    own, held = own_lateness_ms(sent, left)
    expect(5 < own < 6.1 and 0.9 < held < 1.1, f"{own:.1f} ms of its own, held for {held:.1f} ms; expected 6 and 1")
    even = [wire.Rtp(**{**vars(p), "at": p.sequence * 0.02}) for p in sent]
    own, _ = own_lateness_ms(even, left)
    expect(abs(own) < 0.1, f"an even stream is {own:.1f} ms late by itself")


def standing_still():
    """Only a phone that is late against its own timestamps stood still; one that pauses by choice did not."""
    ears_of = wire.Wire.__new__(wire.Wire)
    for change, expected in ((lambda n: 0, 0), (lambda n: 0.05 if n == 30 else 0, 50)):
        ears_of.rtp = [wire.Rtp(n * 0.02 + change(n), ("10.77.0.2", 2), ("10.77.0.1", 4), 8, False, n, 160 * n, 7, b"\xd5" * 160)
                       for n in range(60)]
        expect(abs(ears_of.stood_still_ms() - expected) < 0.1, f"{ears_of.stood_still_ms():.1f} ms; expected {expected}")
    for p in ears_of.rtp[40:]:
        p.at, p.timestamp = p.at + 1, p.timestamp + 8000
    expect(abs(ears_of.stood_still_ms() - 50) < 0.1, "a second of DTX counts as standing still")
    tries = []

    def fails():
        tries.append(1)
        raise AssertionError("late")
    with contextlib.redirect_stdout(io.StringIO()):
        for still, runs in ((29, 1), (31, 3)):
            tries.clear()
            ears_of.sip, ears_of.stood_still_ms = [], lambda since, still=still: still
            suite = Suite("of its own", ears_of, repeat=True)
            suite.run("fails", fails)
            equal((len(tries), suite.failed), (runs, 1), "tries and failures")


def main():
    suite = Suite("the ears themselves")
    for title, test in (("a clean splice is clean", clean_splice), ("silence", silence), ("a click", click),
                        ("the wrong tone", wrong_order), ("A-law", codec), ("a doctored stream", line),
                        ("Opus", opus), ("G.722", g722), ("a phone's own lateness", own_lateness),
                        ("phones that stood still", standing_still)):
        suite.run(title, test)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
