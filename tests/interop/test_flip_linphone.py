#!/usr/bin/env python3
"""linphone as A, as B and as the far party of real flips, mixed with baresip; G.711 played from a WAV."""
import sys
import time

from lab import wire
from lab.baresip import Baresip
from lab.linphone import Linphone
from lab.promise import FlipWatch, check_recording, check_report
from lab.room import Room, wait_for
from lab.server import Server
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE, SOFT, LINA = "10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.5", "10.77.0.6"
TONES = {"desk": 450, "mobile": 700, "soft": 600}


class LinphoneFlips:
    def __init__(self, room):
        self.wire, self.server = wire.Wire(), Server(room)
        self.ada = self.server.account("Ada", "2001")
        self.ids = {"desk": self.server.device(self.ada, "desk", flip_digit="1"),
                    "mobile": self.server.device(self.ada, "mobile", kind="mobile", flip_digit="2"),
                    "soft": self.server.device(self.ada, "soft", kind="desktop", flip_digit="3", auto_answer=True)}
        far = [self.server.device(self.server.account(name, number), name.lower())
               for name, number in (("Grace", "2002"), ("Lina", "2003"))]
        self.soft = Linphone(room, self.wire, "soft", SOFT, TONES["soft"])
        self.lina = Linphone(room, self.wire, "lina", LINA, 1000, auto_answer=True)
        self.desk = Baresip(room, self.wire, "desk", DESK, TONES["desk"])
        self.mobile = Baresip(room, self.wire, "mobile", MOBILE, TONES["mobile"])
        self.grace = Baresip(room, self.wire, "grace", GRACE, 1000, auto_answer=True)
        self.server.wait_registered(*self.ids.values(), *far)

    # ---- small words
    def clean(self):
        self.server.hang_up_all()
        self.soft.clean()
        self.lina.clean()

    def both_heard(self, far, near, begun):
        wait_for("sound at both ends", lambda: all(len(self.wire.stream(to=h, since=begun)) > 50 for h in (far, near)))

    def spliced(self, flip, source, far=GRACE):
        wait_for(f"{flip} to be done", lambda: self.server.flip_record(flip)["outcome"], 8)
        equal(self.server.flip_record(flip)["outcome"], "done", "outcome")
        wait_for("BYE to A", lambda: any("flipped" in m.text for m in self.wire.requests("BYE", to=source)))
        done = time.time()
        wait_for("more of B", lambda: len(self.wire.stream(to=far, since=done)) > 25)

    def newest_flip(self, call):
        return wait_for("the flip", lambda: next(iter(self.server.ask("GET", f"/calls/{call}")["flips"][::-1]), None))["id"]

    def soft_calls_grace(self):
        begun = time.time()
        self.soft.dial("2002")
        self.soft.speak()
        call = self.server.the_call()["id"]
        self.both_heard(GRACE, SOFT, begun)
        return call

    # ---- linphone as A
    def as_a(self):
        call = self.soft_calls_grace()
        watch, after = FlipWatch(self.wire, GRACE), self.mobile.mark()
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids["mobile"])
        self.mobile.wait_event("CALL_INCOMING", after)
        self.mobile.answer()
        self.spliced(flip, SOFT)
        wired = watch.seen("soft", "mobile", TONES)
        check_report(self.server, flip, watch)
        self.mobile.hang_up()
        self.server.idle()
        return check_recording(self.grace.recording(), ("soft", "mobile"), TONES) + "; " + wired

    def as_a_by_code(self):
        call = self.soft_calls_grace()
        watch, after = FlipWatch(self.wire, GRACE), self.mobile.mark()
        watch.wait_packets(20)
        self.soft.keys("*2")
        self.mobile.wait_event("CALL_INCOMING", after)
        self.mobile.answer()
        flip = self.newest_flip(call)
        self.spliced(flip, SOFT)
        wired = watch.seen("soft", "mobile", TONES, withheld=True)
        equal(check_report(self.server, flip, watch)["trigger"], "feature_code", "trigger")
        events = [p for p in self.wire.stream(to=GRACE, since=watch.begun) if p.payload_type == 101]
        expect(not events, f"{len(events)} packets of the code's digits reached the far party")
        self.mobile.hang_up()
        self.server.idle()
        return check_recording(self.grace.recording(), ("soft", "mobile"), TONES, withheld=True) + "; " + wired

    # ---- linphone as B
    def as_b(self):
        """It is asked to answer by itself: the library understands Call-Info's answer-after, and the test is its application."""
        begun = time.time()
        self.desk.dial("2002")
        call = self.server.the_call()["id"]
        self.both_heard(GRACE, DESK, begun)
        watch = FlipWatch(self.wire, GRACE)
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids["soft"], "auto_answer")
        wait_for("linphone to understand answer-after", self.soft.asked_to_answer)
        self.soft.answer()
        self.soft.speak()
        self.spliced(flip, DESK)
        said = [str(m) for m in self.wire.messages(GRACE, watch.begun)]
        expect(not said, f"SIP with the far party during the flip: {said}")
        check_report(self.server, flip, watch)
        self.soft.hang_up()
        self.server.idle()
        return "asked to answer by itself; " + check_recording(self.grace.recording(), ("desk", "soft"), TONES, withheld=True)

    # ---- linphone as the far party
    def as_far_party(self):
        begun = time.time()
        self.desk.dial("2003")
        self.lina.speak()
        call = self.server.the_call()["id"]
        self.both_heard(LINA, DESK, begun)
        watch, after = FlipWatch(self.wire, LINA), self.mobile.mark()
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids["mobile"])
        self.mobile.wait_event("CALL_INCOMING", after)
        self.mobile.answer()
        self.spliced(flip, DESK, LINA)
        wired = watch.seen("desk", "mobile", TONES)
        check_report(self.server, flip, watch)
        lost = wait_for("an RTCP report of linphone", lambda: self.wire.loss_reported(LINA, since=watch.begun))
        self.lina.hang_up()
        self.server.idle()
        equal(max(lost), 0, "packets that linphone's RTCP reports as lost")
        return f"{wired}; linphone's RTCP reports no loss"


def main():
    with Room() as room:
        tests = LinphoneFlips(room)
        suite = Suite("flips with linphone", tests.wire, tests.clean, repeat=True)
        suite.run("linphone is A: REST, baresip answers", tests.as_a)
        suite.run("linphone is A: feature code *2", tests.as_a_by_code)
        suite.run("linphone is B: auto-answer by Call-Info", tests.as_b)
        suite.run("linphone is the far party", tests.as_far_party)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
