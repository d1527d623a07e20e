#!/usr/bin/env python3
"""A call between IPv4 phones flips to an IPv6 phone and back: the server relays between the families, all baresip."""
import sys
import time

from lab import ears, wire
from lab.baresip import Baresip
from lab.promise import FlipWatch, check_recording, check_report
from lab.room import Room, wait_for
from lab.server import IP6, Server
from lab.sipp import Caller, Sipp
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE, SOFT = "10.77.0.2", "fd77::3", "10.77.0.4", "fd77::5"
TONES = {"desk": 450, "mobile": 700, "soft": 600}
HOSTS = {"desk": DESK, "mobile": MOBILE}


class Ipv6Flips:
    def __init__(self, room):
        self.wire, self.server, self.sipp = wire.Wire(), Server(room), Sipp(room)
        self.ada = self.server.account("Ada", "2001")
        grace = self.server.device(self.server.account("Grace", "2002"), "grace")
        self.ids = {"desk": self.server.device(self.ada, "desk"), "mobile": self.server.device(self.ada, "mobile")}
        self.server.device(self.ada, "soft")
        self.phones = {name: Baresip(room, self.wire, name, host, TONES[name]) for name, host in HOSTS.items()}
        self.far = Baresip(room, self.wire, "grace", GRACE, 1000, auto_answer=True)
        self.server.wait_registered(*self.ids.values(), grace)

    def call(self, who):
        begun = time.time()
        self.phones[who].dial("2002")
        call = self.server.the_call()
        wait_for("sound at both ends", lambda: all(len(self.wire.stream(to=h, since=begun)) > 50 for h in (GRACE, HOSTS[who])))
        return call["id"]

    def flip(self, call, source, target):
        watch, after = FlipWatch(self.wire, GRACE), self.phones[target].mark()
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids[target])
        self.phones[target].wait_event("CALL_INCOMING", after)
        self.phones[target].answer()
        equal(self.server.flip_outcome(flip)["outcome"], "done", "outcome")
        check_report(self.server, flip, watch)
        return watch.seen(source, target, TONES)

    def speaks_ipv6_only(self, since):
        """Everything between the mobile and the server went by IPv6, and its SDP says so."""
        sent = self.wire.stream(source=MOBILE, since=since)
        expect(len(sent) > 50 and {p.to[0] for p in sent} == {IP6}, "the mobile's audio did not go to the server's IPv6 address")
        offer = next(m for m in self.wire.messages(MOBILE, since) if "m=audio" in m.text and m.source[0] == IP6)
        expect(f"c=IN IP6 {IP6}" in offer.text and "IP4" not in offer.text, f"SDP to an IPv6 phone: {offer.text}")

    def there_and_back(self):
        begun = time.time()
        call, where = self.call("desk"), ["desk", "mobile", "desk"]
        for source, target in zip(where, where[1:]):
            self.flip(call, source, target)
        self.phones["desk"].hang_up()
        self.server.idle()
        self.speaks_ipv6_only(begun)
        return check_recording(self.far.recording(), where, TONES)

    def ipv6_phone_calls(self):
        begun = time.time()
        call = self.call("mobile")
        self.flip(call, "mobile", "desk")
        self.phones["desk"].hang_up()
        self.server.idle()
        self.speaks_ipv6_only(begun)
        return check_recording(self.far.recording(), ("mobile", "desk"), TONES)


    def tcp(self):
        """sipp registers and calls over TCP and IPv6; Grace's baresip hears it over UDP and IPv4."""
        begun = time.time()
        self.sipp.run(Caller("register", "soft", "tcp").register().expect(200), SOFT, tcp=True)
        caller = Caller("tcp6", "soft", "tcp").invite("2002").answered().play(self.sipp.tone("soft", TONES["soft"]))
        self.sipp.run(caller.pause(1200).bye(), SOFT, tcp=True)
        self.server.idle()
        answer = next(m for m in self.wire.messages(SOFT, begun) if "m=audio" in m.text and m.source[0] == IP6)
        expect(f"c=IN IP6 {IP6}" in answer.text, f"SDP to an IPv6 phone: {answer.text}")
        heard = [r.what for r in ears.runs(self.far.recording()[800:-800], TONES)]
        equal(heard, ["soft"], "what Grace recorded")


    def after_a_restart(self):
        """An IPv6 registration survives: the phone rings by IPv6 before it has registered anew."""
        self.server.stop()
        begun, after = time.time(), self.phones["mobile"].mark()
        self.server.start()
        expect(self.server.registered(self.ids["mobile"]), "the mobile's registration is lost")
        self.far.dial("2001")
        self.phones["mobile"].wait_event("CALL_INCOMING", after)
        expect(not self.wire.requests("REGISTER", source=MOBILE, since=begun), "the mobile has registered anew")
        expect(self.wire.requests("INVITE", to=MOBILE, since=begun)[0].source[0] == IP6, "it did not ring by IPv6")
        self.far.hang_up()
        self.server.idle()


def main():
    with Room() as room:
        tests = Ipv6Flips(room)
        suite = Suite("flips between IPv4 and IPv6", tests.wire, tests.server.hang_up_all, repeat=True)
        suite.run("an IPv4 call flips to an IPv6 phone and back", tests.there_and_back)
        suite.run("an IPv6 phone calls an IPv4 phone and flips to another", tests.ipv6_phone_calls)
        suite.run("an IPv6 phone registers and calls over TCP", tests.tcp)
        suite.run("an IPv6 registration survives a restart", tests.after_a_restart)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
