"""Runs tests one after the other; one line each. A failure prints what was seen or heard, and the SIP of the test."""
import sys
import time
import traceback


class Suite:
    def __init__(self, title, wire=None, clean=lambda: None):
        """`clean()` ends what a failed test has left behind."""
        self.wire, self.clean, self.failed, self.passed = wire, clean, 0, 0
        print(f"== {title}", flush=True)

    def run(self, title, test):
        """`test()` returns a word on what was measured, or raises AssertionError."""
        begun, mark = time.monotonic(), len(self.wire.sip) if self.wire else 0
        try:
            said = test()
            self.passed += 1
            print(f"ok    {title}{': ' + said if said else ''} ({time.monotonic() - begun:.1f} s)", flush=True)
            return True
        except Exception as error:  # whatever a test meets is its failure, and the others still run
            self.failed += 1
            print(f"FAIL  {title}: {error} ({time.monotonic() - begun:.1f} s)", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            if self.wire:
                print(self.wire.ladder(max(0, len(self.wire.sip) - mark) or 1), flush=True)
            self.clean()
            return False

    def finish(self):
        print(f"== {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def expect(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


def equal(seen, wanted, what):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r}; expected {wanted!r}")
