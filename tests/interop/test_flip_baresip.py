#!/usr/bin/env python3
"""Real flips between two baresip phones, with a third as the far party whose recording is listened to."""
import sys
import time

from lab import wire
from lab.baresip import Baresip
from lab.promise import FlipWatch, check_recording, check_report
from lab.room import Room, wait_for
from lab.server import Server
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE = "10.77.0.2", "10.77.0.3", "10.77.0.4"
TONES = {"desk": 450, "mobile": 700}


class BaresipFlips:
    def __init__(self, room):
        self.wire, self.server = wire.Wire(), Server(room)
        self.ada = self.server.account("Ada", "2001")
        grace = self.server.account("Grace", "2002")
        self.ids = {"desk": self.server.device(self.ada, "desk", flip_digit="1"),
                    "mobile": self.server.device(self.ada, "mobile", kind="mobile", flip_digit="2")}
        grace_phone = self.server.device(grace, "grace")
        self.phones = {"desk": Baresip(room, self.wire, "desk", DESK, TONES["desk"]),
                       "mobile": Baresip(room, self.wire, "mobile", MOBILE, TONES["mobile"])}
        self.far = Baresip(room, self.wire, "grace", GRACE, 1000, auto_answer=True, mux=True)
        self.server.wait_registered(*self.ids.values(), grace_phone)

    # ---- small words
    def talk(self, who="desk"):
        """`who` calls Grace, and both are heard."""
        begun = time.time()
        self.phones[who].dial("2002")
        call = self.server.the_call()
        wait_for("sound at both ends", lambda: all(len(self.wire.stream(to=h, since=begun)) > 50
                                                   for h in (GRACE, self.phones[who].host)))
        return call["id"]

    def accept(self, who, after):
        self.phones[who].wait_event("CALL_INCOMING", after)
        self.phones[who].answer()

    def newest_flip(self, call):
        return wait_for("the flip", lambda: next(iter(self.server.ask("GET", f"/calls/{call}")["flips"][::-1]), None))["id"]

    def spliced(self, flip, source):
        """The flip is done and its source has got its BYE; then half a second more of B is heard."""
        wait_for(f"{flip} to be done", lambda: self.server.flip_record(flip)["outcome"], 8)
        equal(self.server.flip_record(flip)["outcome"], "done", "outcome")
        wait_for(f"BYE to {source}", lambda: any("Reason" in m.text and "flipped" in m.text for m in self.wire.requests(
            "BYE", to=self.phones[source].host)))
        done = time.time()
        wait_for("more of B", lambda: len(self.wire.stream(to=GRACE, since=done)) > 25)

    def over(self, who, order, withheld=False):
        self.phones[who].hang_up()
        self.server.idle()
        return check_recording(self.far.recording(), order, TONES, withheld)

    # ---- the flips
    def rest_ring(self):
        call = self.talk("desk")
        watch, after = FlipWatch(self.wire, GRACE), self.phones["mobile"].mark()
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids["mobile"])
        self.accept("mobile", after)
        self.spliced(flip, "desk")
        wired = watch.seen("desk", "mobile", TONES)
        check_report(self.server, flip, watch)
        return self.over("mobile", ("desk", "mobile")) + "; " + wired

    def feature_code(self):
        call = self.talk("desk")
        watch, after = FlipWatch(self.wire, GRACE), self.phones["mobile"].mark()
        watch.wait_packets(20)
        self.phones["desk"].keys("*2")
        self.accept("mobile", after)
        flip = self.newest_flip(call)
        self.spliced(flip, "desk")
        wired = watch.seen("desk", "mobile", TONES, withheld=True)
        events = [p for p in self.wire.stream(to=GRACE, since=watch.begun) if p.payload_type == 101]
        expect(not events, f"{len(events)} packets of the code's digits reached the far party")
        equal(check_report(self.server, flip, watch)["trigger"], "feature_code", "trigger")
        return self.over("mobile", ("desk", "mobile"), withheld=True) + "; " + wired

    def pull(self):
        call = self.talk("desk")
        watch = FlipWatch(self.wire, GRACE)
        watch.wait_packets(20)
        self.phones["mobile"].dial("*11")
        flip = self.newest_flip(call)
        self.spliced(flip, "desk")
        wired = watch.seen("desk", "mobile", TONES)
        equal(check_report(self.server, flip, watch)["trigger"], "pull_code", "trigger")
        return self.over("mobile", ("desk", "mobile")) + "; " + wired

    def muxed_reports(self):
        """Grace's baresip muxes RTCP (RFC 5761), the desk's does not: reports go by the RTP ports there, by their own here."""
        begun = time.time()
        self.talk("desk")
        for host, muxed in ((GRACE, True), (DESK, False)):
            audio = next((p.source, p.to) for p in self.wire.stream(to=host, since=begun))
            wait_for(f"reports of {host} and of the server", lambda: len(
                {source[0] for source, _ in self.wire.reports(host, begun)}) == 2, 8)
            for source, to in self.wire.reports(host, begun):
                ports = {audio[0][1], audio[1][1]} if muxed else {audio[0][1] + 1, audio[1][1] + 1}
                equal({source[1], to[1]}, ports, f"ports of a report between {source} and {to}, muxed: {muxed}")
        self.phones["desk"].hang_up()
        self.server.idle()
        equal(len(set(self.wire.reports(GRACE, begun))), 2, "pairs of ports of Grace's reports, BYE and all")

    def there_and_back(self):
        """The far party called; three flips on one call, each trigger once."""
        begun = time.time()
        after = self.phones["desk"].mark()
        self.far.dial("2001")
        self.accept("desk", after)
        call = self.server.the_call()["id"]
        wait_for("the desk's sound", lambda: len(self.wire.stream(to=GRACE, since=begun)) > 50)
        where = ["desk", "mobile", "desk", "mobile"]
        for number, (source, target) in enumerate(zip(where, where[1:])):
            watch, after = FlipWatch(self.wire, GRACE), self.phones[target].mark()
            watch.wait_packets(20)
            if number == 2:
                self.phones[target].dial("*11")
                flip = self.newest_flip(call)
            else:
                flip = self.server.flip(call, self.ada, self.ids[target])
                self.accept(target, after)
            self.spliced(flip, source)
            watch.seen(source, target, TONES)
            check_report(self.server, flip, watch)
        equal(self.server.ask("GET", f"/calls/{call}")["caller"]["number"], "2002", "the caller in the record")
        return self.over("mobile", where)


def main():
    with Room() as room:
        tests = BaresipFlips(room)
        suite = Suite("flips with baresip", tests.wire, tests.server.hang_up_all, repeat=True)
        suite.run("REST: the mobile rings, answers, takes over", tests.rest_ring)
        suite.run("feature code *2 keyed on the desk phone", tests.feature_code)
        suite.run("pull code *11 dialled on the mobile", tests.pull)
        suite.run("RTCP muxed with RTP at the far party, not at the desk", tests.muxed_reports)
        suite.run("an incoming call flips there, back and there again", tests.there_and_back)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
