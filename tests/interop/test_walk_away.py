#!/usr/bin/env python3
"""Flips that do not happen, and a person who walks away: sipp plays all three phones, so that each can misbehave."""
import sys
import time

from lab import ears, wire
from lab.promise import check_line
from lab.room import Room, wait_for
from lab.server import IP, Server, broken_lines
from lab.sipp import Callee, Caller, Sipp, sdp
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE = "10.77.0.2", "10.77.0.3", "10.77.0.4"
TONES = {"desk": 450, "mobile": 700}


class WalkAway:
    def __init__(self, room):
        self.wire, self.server, self.sipp = wire.Wire(), Server(room), Sipp(room)
        self.ada = self.server.account("Ada", "2001")
        grace = self.server.account("Grace", "2002")
        self.server.device(self.ada, "desk", flip_digit="1")
        self.mobile = self.server.device(self.ada, "mobile", kind="mobile", flip_digit="2")
        self.server.device(grace, "grace")
        self.tone = {name: self.sipp.tone(name, hertz) for name, hertz in {**TONES, "grace": 1000}.items()}
        for user, host in (("desk", DESK), ("mobile", MOBILE), ("grace", GRACE)):
            self.sipp.register(user, host)

    def clean(self):
        self.sipp.end_all()
        self.server.hang_up_all()

    def start(self, mobile, talk_ms=None, far=None):
        """A talks to Grace for so long and hangs up (None: until the server ends the call); the mobile is asked to take over."""
        self.begun = time.time()
        far = far or Callee("far", "grace").invited().take().play(self.tone["grace"]).gets_bye()
        desk = Caller("desk", "desk").invite("2002").answered().play(self.tone["desk"])
        if talk_ms:
            desk.pause(talk_ms).bye()
        else:
            desk.expect("BYE").respond(200, "OK")
        self.running = [self.sipp.start(far, GRACE), self.sipp.start(mobile, MOBILE), self.sipp.start(desk, DESK)]
        self.call = self.server.the_call()["id"]
        wait_for("the desk's sound", lambda: len(self.wire.stream(to=GRACE, since=self.begun)) > 25)
        self.asked = time.time()
        self.flip = self.server.flip(self.call, self.ada, self.mobile)

    def end(self):
        for side in self.running:
            side.done()
        self.server.idle()

    def outcome(self):
        return self.server.flip_outcome(self.flip)["outcome"]

    def untouched(self, outcome):
        """The flip has ended like this, and nobody but B has noticed."""
        record = self.server.flip_outcome(self.flip)
        equal(record["outcome"], outcome, "outcome")
        wait_for("more of A", lambda: len(self.wire.stream(to=GRACE, since=self.asked)) > 50)
        ended = time.time()
        for host, who in ((GRACE, "the far party"), (DESK, "A")):
            said = [str(m) for m in self.wire.messages(host, self.asked, ended)]
            expect(not said, f"SIP with {who}: {said}")
        packets = self.wire.stream(to=GRACE, source=IP, since=self.asked, until=ended)
        longest = check_line(packets)
        heard = ears.runs(wire.decode(packets), TONES)
        equal([r.what for r in heard], ["desk"], f"what the far party heard ({', '.join(map(str, heard))})")
        expect(record["report"]["kept"], "the server's report is red: " + "; ".join(broken_lines(record)))
        self.server.ask("DELETE", f"/calls/{self.call}")
        self.end()
        return f"{len(packets)} packets of A without a break (longest gap {longest:.0f} ms)"

    # ---- tests
    def declined(self):
        self.start(Callee("declines", "mobile").invited().ring().pause(500).answer(603).expect("ACK"))
        return self.untouched("declined")

    def busy(self):
        self.start(Callee("busy", "mobile").invited().answer(486).expect("ACK"))
        return self.untouched("busy")

    def no_media(self):
        mobile = Callee("mute", "mobile").invited().ring().take()
        self.start(mobile.gets_bye(mobile.require("Reason", "cause")))
        said = self.untouched("no_media")
        bye = self.wire.requests("BYE", to=MOBILE, since=self.begun)[0]
        answered = next(m for m in self.wire.messages(MOBILE, self.begun) if m.text.startswith("SIP/2.0 200"))
        expect(2.5 < bye.at - answered.at < 4, f"B was released {bye.at - answered.at:.1f} s after its 200; the limit is 3 s")
        return f"B released after {bye.at - answered.at:.1f} s; {said}"

    def wrong_codec(self):
        mobile = Callee("g729", "mobile").invited().ring().take(sdp(codecs="18"))
        self.start(mobile.gets_bye())
        return self.untouched("no_common_codec")

    def cancelled(self):
        mobile = Callee("rings", "mobile").invited().ring().expect("CANCEL").respond(200, "OK").answer(487).expect("ACK")
        self.start(mobile)
        wait_for("180 of the mobile", lambda: [m for m in self.wire.messages(MOBILE, self.asked)
                                               if m.text.startswith("SIP/2.0 180")])
        self.server.ask("DELETE", f"/flips/{self.flip}")
        return self.untouched("cancelled")

    def walks_away(self):
        """A hangs up while B rings: Grace hears comfort noise, then B, on one line; not one SIP message."""
        mobile = Callee("late", "mobile").invited().ring().pause(2500).take().play(self.tone["mobile"]).pause(1500).bye()
        self.start(mobile, talk_ms=1500)
        equal(self.outcome(), "done", "outcome")
        self.end()
        bye = self.wire.requests("BYE", to=GRACE, since=self.asked)
        said = [str(m) for m in self.wire.messages(GRACE, self.asked) if m.at < bye[0].at]
        expect(not said, f"SIP with the far party: {said}")
        packets = self.wire.stream(to=GRACE, source=IP, since=self.asked, until=bye[0].at)
        equal(len({p.ssrc for p in packets}), 1, "SSRCs towards the far party")
        equal({(b.sequence - a.sequence) % 65536 for a, b in zip(packets, packets[1:])}, {1}, "steps in sequence numbers")
        heard = ears.runs(wire.decode([p for p in packets if p.payload_type == 8]), TONES)
        order = [r.what for r in heard if r.what in TONES]
        expect(order == ["desk", "mobile"], f"the far party heard {', '.join(map(str, heard))}")
        longest = max((b.at - a.at) * 1000 for a, b in zip(packets, packets[1:]))
        expect(longest < 100, f"{longest:.0f} ms without a packet")
        return f"heard {', '.join(map(str, heard))}; longest gap {longest:.0f} ms"

    def walks_away_and_nobody_comes(self):
        mobile = Callee("declines", "mobile").invited().ring().pause(2000).answer(603).expect("ACK")
        far = Callee("far", "grace").invited().take().play(self.tone["grace"])
        self.start(mobile, talk_ms=1500, far=far.gets_bye(far.require("Reason", "cause")))
        equal(self.outcome(), "declined", "outcome")
        self.end()
        declined = next(m for m in self.wire.messages(MOBILE, self.asked) if m.text.startswith("SIP/2.0 603"))
        bye = self.wire.requests("BYE", to=GRACE, since=self.asked)[0]
        expect(0 <= bye.at - declined.at < 1, f"BYE to the far party {bye.at - declined.at:.1f} s after B declined")
        return f"BYE to the far party: {bye.header('Reason')}"

    def far_party_leaves(self):
        mobile = Callee("rings", "mobile").invited().ring().expect("CANCEL").respond(200, "OK").answer(487).expect("ACK")
        self.begun = time.time()
        far = Callee("leaves", "grace").invited().take().play(self.tone["grace"]).pause(2000).bye()
        desk = Caller("desk", "desk").invite("2002").answered().play(self.tone["desk"]).expect("BYE").respond(200, "OK")
        self.running = [self.sipp.start(far, GRACE), self.sipp.start(mobile, MOBILE), self.sipp.start(desk, DESK)]
        self.call = self.server.the_call()["id"]
        self.flip = self.server.flip(self.call, self.ada, self.mobile)
        self.end()
        record = self.server.record(self.call)
        equal(record["flips"][0]["outcome"], "far_party_left", "outcome")
        equal(record["ended_by"], "callee", "who ended the call")

    def no_answer(self):
        mobile = Callee("sleeps", "mobile").invited().ring().expect("CANCEL", timeout=9000)
        self.start(mobile.respond(200, "OK").answer(487).expect("ACK"))
        return self.untouched("no_answer")


def main():
    with Room() as room:
        tests = WalkAway(room)
        suite = Suite("flips that do not happen, and walking away", tests.wire, tests.clean)
        for title, test in (("B declines: A untouched", tests.declined),
                            ("B is busy: A untouched", tests.busy),
                            ("B answers and sends no audio: A untouched", tests.no_media),
                            ("B answers with another codec: A untouched", tests.wrong_codec),
                            ("B does not answer: A untouched", tests.no_answer),
                            ("REST cancels the flip: A untouched", tests.cancelled),
                            ("A hangs up while B rings, B answers", tests.walks_away),
                            ("A hangs up while B rings, B declines", tests.walks_away_and_nobody_comes),
                            ("the far party hangs up while B rings", tests.far_party_leaves)):
            suite.run(title, test)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
