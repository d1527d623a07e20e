#!/usr/bin/env python3
"""Opus and G.722: a call starts on the best codec that all devices of both accounts are known to do, and flips on it."""
import sys
import time

from lab import codecs, ears, pcap, wire
from lab.baresip import Baresip
from lab.linphone import Linphone
from lab.promise import FlipWatch, check_recording, check_report
from lab.room import Room, wait_for
from lab.server import Server, broken_lines
from lab.sipp import Callee, Sipp, plain_sdp
from lab.suite import Suite, equal, expect

DESK, MOBILE, GRACE, SOFT, LINA, ODD = (f"10.77.0.{host}" for host in range(2, 8))
TONES = {"desk": 450, "mobile": 700, "soft": 600, "odd": 850}
KINDS = (codecs.OPUS, codecs.G722, codecs.G711)
KNOWN = {codecs.OPUS: ["opus", "g722", "pcma"], codecs.G722: ["g722", "pcma"]}


class WidebandFlips:
    def __init__(self, room):
        self.wire, self.server, self.sipp = wire.Wire(), Server(room), Sipp(room)
        self.ada, grace, lina = (self.server.account(*who) for who in (("Ada", "2001"), ("Grace", "2002"), ("Lina", "2003")))
        best = KNOWN[codecs.OPUS]
        self.ids = {"desk": self.server.device(self.ada, "desk", flip_digit="1", codecs=best),
                    "mobile": self.server.device(self.ada, "mobile", kind="mobile", flip_digit="2", codecs=best),
                    "soft": self.server.device(self.ada, "soft", kind="desktop", flip_digit="3", codecs=best),
                    "odd": self.server.device(self.ada, "odd", codecs=best)}
        self.far_ids = [self.server.device(grace, "grace", codecs=best), self.server.device(lina, "lina", codecs=best)]
        all_of_baresip = ",".join(kind.baresip for kind in KINDS)
        self.phones = {name: Baresip(room, self.wire, name, host, TONES[name], codecs=all_of_baresip)
                       for name, host in (("desk", DESK), ("mobile", MOBILE))}
        self.far = Baresip(room, self.wire, "grace", GRACE, 1000, auto_answer=True, codecs=all_of_baresip)
        self.soft, self.lina = (Linphone(room, self.wire, name, host, hertz, codec=[kind.linphone for kind in KINDS],
                                         auto_answer=answers)
                                for name, host, hertz, answers in (("soft", SOFT, 600, False), ("lina", LINA, 1000, True)))
        self.server.wait_registered(*(i for name, i in self.ids.items() if name != "odd"), *self.far_ids)

    def clean(self):
        self.sipp.end_all()
        self.server.hang_up_all()
        self.soft.clean()
        self.lina.clean()

    def knows(self, kind):
        """All devices are said to do this codec and what is worse."""
        for device in (*self.ids.values(), *self.far_ids):
            self.server.ask("PATCH", f"/devices/{device}", {"codecs": KNOWN[kind]})

    def call(self, kind, dial, far=GRACE, near=DESK):
        """The call that dial() makes, once both are heard; it must have begun on that codec."""
        begun = time.time()
        dial()
        call = self.server.the_call()
        wait_for("sound at both ends", lambda: all(len(self.wire.stream(to=h, since=begun)) > 50 for h in (far, near)))
        equal(call["codec"], kind.name, "codec of the call")
        return call["id"]

    def flipped(self, call, kind, source, target, far=GRACE):
        """REST asks, `target` answers and is heard; checked on the wire and in the server's report."""
        watch = FlipWatch(self.wire, far, kind)
        watch.wait_packets(20)
        after = self.phones[target].mark() if target in self.phones else 0
        flip = self.server.flip(call, self.ada, self.ids[target])
        if target == "soft":
            self.soft.answer()
            self.soft.speak()
        else:
            self.phones[target].wait_event("CALL_INCOMING", after)
            self.phones[target].answer()
        equal(self.server.flip_outcome(flip)["outcome"], "done", "outcome")
        check_report(self.server, flip, watch)
        said = watch.sip_of_flip()
        expect(not said, f"SIP with the far party during the flip: {said}")
        return watch if target == "soft" else watch.seen(source, target, TONES)

    # ---- tests
    def there_and_back(self, kind):
        """desk, mobile, desk: baresip in all three places, its recording heard."""
        self.knows(kind)
        call = self.call(kind, lambda: self.phones["desk"].dial("2002"))
        where = ["desk", "mobile", "desk"]
        for source, target in zip(where, where[1:]):
            self.flipped(call, kind, source, target)
        self.phones["desk"].hang_up()
        self.server.idle()
        return check_recording(self.far.recording(), where, TONES, smooth=False)

    def linphone_in_every_place(self, kind):
        """linphone calls, hands over to baresip and takes the call back, with linphone as the far party, which counts losses."""
        self.knows(kind)
        begun = time.time()

        def dial():
            self.soft.dial("2003")
            self.soft.speak()
            self.lina.speak()
        call = self.call(kind, dial, far=LINA, near=SOFT)
        wired = self.flipped(call, kind, "soft", "mobile", far=LINA)
        watch = self.flipped(call, kind, "mobile", "soft", far=LINA)
        heard = ears.runs(codecs.decode(watch.audio_to_far(), kind), TONES)
        tones = [r.what for r in heard if r.end - r.start > 800 and r.what in TONES]
        equal(tones, ["mobile", "soft"], f"what Lina was sent ({', '.join(map(str, heard))})")
        lost = wait_for("an RTCP report of linphone", lambda: self.wire.loss_reported(LINA, since=begun), 8)
        self.lina.hang_up()
        self.server.idle()
        equal(max(lost), 0, "packets that linphone's RTCP reports as lost")
        return f"{wired}; then back; linphone's RTCP reports no loss"

    def no_common_codec(self):
        """B is said to do Opus and refuses it with 488: the flip ends with its cause, the call goes on as if nothing had been."""
        self.knows(codecs.OPUS)
        call = self.call(codecs.OPUS, lambda: self.phones["desk"].dial("2002"))
        watch = FlipWatch(self.wire, GRACE, codecs.OPUS)
        watch.wait_packets(20)
        self.soft.only(codecs.G711.linphone)
        try:
            flip = self.server.flip(call, self.ada, self.ids["soft"])
            record = self.server.flip_outcome(flip)
        finally:
            self.soft.only(*(kind.linphone for kind in KINDS))
        equal(record["outcome"], "no_common_codec", "outcome")
        refused = [m for m in self.wire.messages(SOFT, watch.begun) if m.text.startswith("SIP/2.0 488")]
        expect(refused, "linphone has not answered 488")
        ended = len(watch.audio_to_far())
        watch.wait_packets(ended + 25)
        expect(not watch.sip_of_flip(), f"SIP with the far party: {watch.sip_of_flip()}")
        heard = ears.runs(codecs.decode(watch.audio_to_far(), codecs.OPUS), TONES)
        equal([r.what for r in heard if r.what != "other"], ["desk"], "what the far party heard")
        expect(record["report"]["kept"], "the server's report is red")
        self.phones["desk"].hang_up()
        self.server.idle()


    def sender_that_ignores_our_profile(self):
        """B is sipp, which replays Opus in stereo, 60 ms a packet, with a pause by DTX, whatever was offered."""
        self.knows(codecs.OPUS)
        capture = pcap.opus_that_ignores_our_profile(self.sipp.room.folder / "odd.pcap", TONES["odd"])
        self.sipp.register("odd", ODD)
        call = self.call(codecs.OPUS, lambda: self.phones["desk"].dial("2002"))
        odd = Callee("odd", "odd").invited().ring().take(plain_sdp(96, "opus/48000/2", "a=fmtp:96 stereo=1;sprop-stereo=1;usedtx=1", "a=ptime:60"))
        odd = self.sipp.start(odd.replay(capture).pause(3600).bye(), ODD)
        watch = FlipWatch(self.wire, GRACE, codecs.OPUS)
        watch.wait_packets(20)
        flip = self.server.flip(call, self.ada, self.ids["odd"])
        record = self.server.flip_outcome(flip)
        equal(record["outcome"], "done", "outcome")
        expect(record["report"]["kept"], "the server's report is red: " + "; ".join(broken_lines(record)))
        odd.done()
        self.server.idle()
        packets = watch.audio_to_far()
        durations = [codecs.opus_ticks(p.payload) for p in packets]
        equal(len({p.ssrc for p in packets}), 1, "SSRCs towards the far party")
        equal({(b.sequence - a.sequence) % 65536 for a, b in zip(packets, packets[1:])}, {1}, "steps in sequence numbers")
        pauses = []
        for a, b, ticks in zip(packets, packets[1:], durations):
            step = (b.timestamp - a.timestamp) % (1 << 32)
            expect(step >= ticks, f"a timestamp is {step} after a packet of {ticks}")
            pauses += [step - ticks] if step > ticks else []
        expect(durations.count(2880) > 40, f"packets of 60 ms to the far party: {durations.count(2880)}")
        expect(pauses and max(pauses) > 48000 * 0.2, f"no pause is to be seen: {pauses}")
        heard = ears.runs(codecs.decode(packets, codecs.OPUS), TONES)
        tones = [r.what for r in heard if r.what in TONES]
        expect(tones[:2] == ["desk", "odd"] and set(tones[1:]) == {"odd"}, f"Grace was sent {', '.join(map(str, heard))}")
        joined = [r.what for r in ears.runs(self.far.recording()[800:-800], TONES) if r.what in TONES]
        expect(joined[0] == "desk" and set(joined[1:]) == {"odd"}, f"Grace recorded {joined}")
        return f"{durations.count(2880)} packets of 60 ms; silent by choice for {max(pauses) / 48:.0f} ms"


def main():
    with Room() as room:
        tests = WidebandFlips(room)
        suite = Suite("flips on Opus and G.722", tests.wire, tests.clean, repeat=True)
        for kind in (codecs.OPUS, codecs.G722):
            suite.run(f"{kind.name}: desk, mobile and back, baresip in all places", lambda kind=kind: tests.there_and_back(kind))
            suite.run(f"{kind.name}: linphone in all places", lambda kind=kind: tests.linphone_in_every_place(kind))
        suite.run("Opus in stereo, 60 ms, DTX: passes as it is", tests.sender_that_ignores_our_profile)
        suite.run("B refuses the call's codec: 488, the call is untouched", tests.no_common_codec)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
