"""Runs tests one after the other; one line each. A failure prints what was seen or heard, and the SIP of the test."""
import sys
import time
import traceback


STOOD_STILL_MS = 30.0  # past its own time: a frame and a half, three times what an idle machine shows
ATTEMPTS = 3


class NotJudged(AssertionError):
    """The server itself says that this machine kept it waiting for too long to say anything."""


class Suite:
    def __init__(self, title, wire=None, clean=lambda: None, repeat=False):
        """`clean()` ends what a failed test has left behind. `repeat`: a test that fails while the capture shows that the
        phones themselves stood still, or that was not judged, is made again; its time limits mean nothing then."""
        self.wire, self.clean, self.repeat, self.failed, self.passed = wire, clean, repeat, 0, 0
        print(f"== {title}", flush=True)

    def run(self, title, test):
        """`test()` returns a word on what was measured, or raises AssertionError."""
        for attempt in range(1, ATTEMPTS + 1):
            begun, since, mark = time.monotonic(), time.time(), len(self.wire.sip) if self.wire else 0
            try:
                said = test()
                self.passed += 1
                print(f"ok    {title}{': ' + said if said else ''} ({time.monotonic() - begun:.1f} s)", flush=True)
                return
            except Exception as error:  # whatever a test meets is its failure, and the others still run
                still = self.wire.stood_still_ms(since) if self.repeat else 0
                noise = isinstance(error, NotJudged) or (isinstance(error, AssertionError) and still > STOOD_STILL_MS)
                again = self.repeat and noise and attempt < ATTEMPTS
                print(f"{'again' if again else 'FAIL '} {title}: {error} ({time.monotonic() - begun:.1f} s)"
                      + (f"; the phones stood still for {still:.0f} ms" if again else ""), flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc(file=sys.stdout)
                if self.wire and not again:
                    print(self.wire.ladder(max(0, len(self.wire.sip) - mark) or 1), flush=True)
                self.clean()
            if not again:
                break
        self.failed += 1

    def finish(self):
        print(f"== {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def expect(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


def equal(seen, wanted, what):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r}; expected {wanted!r}")
