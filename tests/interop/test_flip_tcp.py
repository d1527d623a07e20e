#!/usr/bin/env python3
"""Flips to a baresip phone that is registered over TCP, and what becomes of one when that phone has died."""
import signal
import sys
import time

from lab import wire
from lab.baresip import Baresip
from lab.promise import FlipWatch, check_line, check_recording, check_report
from lab.room import Room, wait_for
from lab.server import Server
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE = "10.77.0.2", "10.77.0.3", "10.77.0.4"
TONES = {"desk": 450, "mobile": 700}
HOSTS = {"desk": DESK, "mobile": MOBILE}


class TcpFlips:
    def __init__(self, room):
        self.wire, self.server = wire.Wire(), Server(room)
        self.ada = self.server.account("Ada", "2001")
        grace = self.server.device(self.server.account("Grace", "2002"), "grace")
        self.ids = {name: self.server.device(self.ada, name) for name in HOSTS}
        self.phones = {name: Baresip(room, self.wire, name, host, TONES[name], tcp=name == "mobile") for name, host in HOSTS.items()}
        self.far = Baresip(room, self.wire, "grace", GRACE, 1000, auto_answer=True)
        self.server.wait_registered(*self.ids.values(), grace)

    def call(self):
        begun = time.time()
        self.phones["desk"].dial("2002")
        call = self.server.the_call()
        wait_for("sound at both ends", lambda: all(len(self.wire.stream(to=h, since=begun)) > 50 for h in (GRACE, DESK)))
        return call["id"]

    def flip(self, call, source, target):
        watch, after = FlipWatch(self.wire, GRACE), self.phones[target].mark()
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids[target])
        self.phones[target].wait_event("CALL_INCOMING", after)
        self.phones[target].answer()
        check_report(self.server, flip, watch)
        return watch.seen(source, target, TONES)

    def there_and_back(self):
        begun = time.time()
        call = self.call()
        wired = [self.flip(call, "desk", "mobile"), self.flip(call, "mobile", "desk")]
        self.phones["desk"].hang_up()
        self.server.idle()
        rung = [m for m in self.wire.messages(since=begun) if m.first.startswith("INVITE sip:mobile")]
        expect(rung and all("Via: SIP/2.0/TCP " in m.text for m in rung), "the mobile was not rung over TCP")
        return check_recording(self.far.recording(), ("desk", "mobile", "desk"), TONES) + "; " + "; ".join(wired)

    def dead_phone(self):
        """It stands still, so its kernel takes the INVITE and nobody reads it; then it dies, and the connection with it."""
        call, phone = self.call(), self.phones["mobile"]
        watch = FlipWatch(self.wire, GRACE)
        watch.wait_packets(20)
        phone.signal(signal.SIGSTOP)
        flip, asked = self.server.flip(call, self.ada, self.ids["mobile"]), time.time()
        watch.wait_packets(50)
        equal(self.server.flip_record(flip)["outcome"], None, "outcome while the phone may yet answer")
        phone.signal(signal.SIGKILL)
        wait_for("the flip to end", lambda: self.server.flip_record(flip)["outcome"])
        took = time.time() - asked
        equal(self.server.flip_record(flip)["outcome"], "unreachable", "outcome")
        expect(took < 4, f"it took {took:.1f} s, as long as ringing would")
        wait_for("the phone to be gone", lambda: not self.server.registered(self.ids["mobile"]))
        watch.wait_packets(80)
        longest = check_line(watch.audio_to_far())
        equal(watch.sip_of_flip(), [], "SIP with the far party during the flip")
        self.phones["desk"].hang_up()
        self.server.idle()
        check_recording(self.far.recording(), ("desk",), TONES)
        return f"unreachable after {took:.1f} s; gap {longest:.0f} ms, 0 SIP"


def main():
    with Room() as room:
        tests = TcpFlips(room)
        suite = Suite("flips to a phone on TCP", tests.wire, tests.server.hang_up_all)
        suite.run("a call flips to a phone that registered over TCP, and back", tests.there_and_back)
        suite.run("a phone on TCP dies with the INVITE: unreachable at once, the call goes on", tests.dead_phone)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
