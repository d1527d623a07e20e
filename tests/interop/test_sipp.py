#!/usr/bin/env python3
"""sipp against the server: registration, calls with audio, hold, cancellation and its races, refusals, digits, timers, TCP."""
import sys
import time

from lab import codecs, ears, wire
from lab.room import Room, wait_for
from lab.server import Server, broken_lines
from lab.sipp import Callee, Caller, Sipp, plain_sdp, sdp
from lab.suite import Suite, equal, expect

ADA, MOBILE, GRACE, OTHER = "10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.5"
ADA_HZ, GRACE_HZ, MOBILE_HZ = 450, 1000, 700
TONES = {"ada": ADA_HZ, "grace": GRACE_HZ, "mobile": MOBILE_HZ}


class SippTests:
    def __init__(self, room):
        self.wire, self.server, self.sipp = wire.Wire(), Server(room), Sipp(room)
        self.ada = self.server.account("Ada", "2001")
        self.grace = self.server.account("Grace", "2002")
        self.ada_desk = self.server.device(self.ada, "ada")
        self.ada_mobile = self.server.device(self.ada, "mobile", flip_digit="2")
        self.grace_desk = self.server.device(self.grace, "grace")
        self.tone = {name: self.sipp.tone(name, hertz) for name, hertz in TONES.items()}

    # ---- small words
    def clean(self):
        self.sipp.end_all()
        self.server.hang_up_all()

    def pair(self, caller, callee, **more):
        """Runs a caller at Ada's address and a callee at Grace's; both must be content, and the server idle afterwards."""
        self.before = self.newest_record()
        waiting = self.sipp.start(callee, GRACE)
        calling = self.sipp.start(caller, ADA, **more)
        calling.done()
        waiting.done()
        self.server.idle()

    def alone(self, caller, host=ADA, **more):
        self.sipp.run(caller, host, **more)
        self.server.idle()

    def heard(self, host, since=0.0, until=9e99):
        packets = self.wire.stream(to=host, source="10.77.0.1", since=since, until=until)
        return ears.runs(wire.decode(packets), TONES), packets

    def call_of_ada(self):
        return wait_for("Ada's call", lambda: next((c for c in self.server.calls() if c["state"] == "talking"
                                                    and c["caller"]["account"] == self.ada), None))

    def newest_record(self):
        return next(iter(self.server.ask("GET", "/records?limit=1")["items"]), None)

    def last_record_ends_with(self, cause):
        """Of the call of the last pair(); it is listed when it is on disk, some milliseconds after the call, and the
        record of the call before it may be as late."""
        wait_for(f"the call's record with cause {cause}",
                 lambda: (new := self.newest_record()) != self.before and new and new["cause"] == cause)

    # ---- registration
    def register(self):
        contact = Caller("register", "ada").register(300)
        contact.expect(200, action=contact.require("Contact", "expires=(300|299)"))
        self.sipp.run(contact, ADA)
        self.sipp.register("grace", GRACE)
        expect(self.server.registered(self.ada_desk), "REST does not show ada as registered")

    def register_wrong_password(self):
        self.sipp.run(Caller("wrong", "ada").register(password="not-the-word").expect(403), OTHER)
        self.sipp.run(Caller("nobody", "nobody").register().expect(403), OTHER)
        expect(self.server.log_lines("wrong credentials for \"ada\""), "no log line of it")

    def register_brief(self):
        brief = Caller("brief", "mobile").register(10)
        self.sipp.run(brief.expect(423, action=brief.require("Min-Expires", "60")), MOBILE)

    def unregister(self):
        self.sipp.register("mobile", MOBILE)
        expect(self.server.registered(self.ada_mobile), "mobile is not registered")
        self.sipp.run(Caller("unregister", "mobile").register(0).expect(200), MOBILE)
        expect(not self.server.registered(self.ada_mobile), "mobile is still registered")

    # ---- calls
    def call_with_audio(self):
        begun = time.time()
        self.pair(Caller("call", "ada").invite("2002").answered().play(self.tone["ada"]).pause(2000).bye(),
                  Callee("called", "grace").invited().ring().take().play(self.tone["grace"]).gets_bye())
        said = []
        for host, who in ((GRACE, "ada"), (ADA, "grace")):
            runs, packets = self.heard(host, begun)
            tone = sum(r.end - r.start for r in runs if r.what == who) / 8
            expect(tone > 1500, f"{host} heard {', '.join(map(str, runs))}; expected {who}'s tone for 2 s")
            equal(len({p.ssrc for p in packets}), 1, f"SSRCs towards {host}")
            said.append(f"{tone:.0f} ms of {who}")
        invite = self.wire.requests("INVITE", to=GRACE, since=begun)[-1]
        expect("2001" in invite.header("From") and "ada@" not in invite.text, f"grace is shown {invite.header('From')}")
        self.last_record_ends_with("normal_clearing")
        return "heard " + ", ".join(said)

    def early_media(self):
        begun = time.time()
        caller = Caller("early", "ada").invite("2002").expect(100, optional=True).expect(180, optional=True).expect(183)
        self.pair(caller.play(self.tone["ada"]).answered().pause(300).bye(),
                  Callee("early", "grace").invited().answer(183, sdp()).play(self.tone["grace"]).pause(1500).take().gets_bye())
        answered = next(m.at for m in self.wire.messages((ADA, 5060), begun) if m.text.startswith("SIP/2.0 200")
                        and "INVITE" in m.header("CSeq"))
        runs, _ = self.heard(ADA, begun, answered)
        before = sum(r.end - r.start for r in runs if r.what == "grace") / 8
        expect(before > 700, f"before the answer the caller heard {', '.join(map(str, runs)) or 'nothing'}")
        return f"{before:.0f} ms of grace before the answer"

    def hold(self, held, direction):
        begun = time.time()
        caller = Caller("hold", "ada").invite("2002").answered().play(self.tone["ada"]).pause(700)
        caller.reinvite(held, action=caller.require_body(f"a={direction}") if direction else "")
        caller.pause(1500).reinvite(sdp("sendrecv")).pause(1200).bye()
        self.pair(caller, Callee("held", "grace").invited().ring().take().play(self.tone["grace"]).gets_bye())
        to_grace = [m for m in self.wire.messages(GRACE, begun) if m.is_request and m.to[0] == GRACE]
        equal([m.first.split()[0] for m in to_grace], ["INVITE", "ACK", "BYE"], "requests to the party that was held")
        runs, packets = self.heard(GRACE, begun)
        equal(len({p.ssrc for p in packets}), 1, "SSRCs towards the held party")
        steps = [(b.sequence - a.sequence) % 65536 for a, b in zip(packets, packets[1:])]
        expect(set(steps) <= {1}, f"its sequence numbers stepped {sorted(set(steps))}")
        names = [r.what for r in runs if r.end - r.start >= 800]
        expect(names and names[0] == "ada" and names[-1] == "ada" and "other" in names,
               f"grace heard {', '.join(map(str, runs))}; expected ada, music, ada")
        music = sum(r.end - r.start for r in runs if r.what == "other") / 8
        return f"ada, {music:.0f} ms of music, ada on one sequence"

    def hold_new(self):
        return self.hold(sdp("sendonly"), "recvonly")

    def hold_old(self):
        return self.hold(sdp(hold_address=True), "")

    def callee_holds(self):
        callee = Callee("holds", "grace").invited().ring().take().pause(300)
        callee.reinvite(sdp("inactive"), action=callee.require_body("a=inactive")).pause(300).reinvite(sdp()).pause(200).bye()
        caller = Caller("holdee", "ada").invite("2002").answered().expect("BYE").respond(200, "OK")
        self.pair(caller, callee)

    def delayed_offer(self):
        """INVITE without an offer: ours comes in the 200, the answer in the ACK."""
        caller = Caller("delayed", "ada").invite("2002", "")
        for status in (100, 180, 183):
            caller.expect(status, optional=True)
        caller.expect(200, action=caller.require_body("m=audio"), route=True).ack(sdp(codecs="8"))
        begun = time.time()
        self.pair(caller.play(self.tone["ada"]).pause(1000).bye(), Callee("plain", "grace").invited().take().gets_bye())
        runs, _ = self.heard(GRACE, begun)
        expect(any(r.what == "ada" for r in runs), f"grace heard {', '.join(map(str, runs)) or 'nothing'}")

    # ---- CANCEL
    def cancelled(self, caller):
        return caller.cancel().expect(200).expect(487).ack_refusal()

    def cancel_before_ringing(self):
        """Our own CANCEL must wait for the callee's first response (RFC 3261 section 9.1)."""
        begun = time.time()
        callee = Callee("late180", "grace").invited().pause(900).ring().expect("CANCEL").respond(200, "OK").answer(487)
        callee.expect("ACK")
        self.pair(self.cancelled(Caller("cancel", "ada").invite("2002").expect(100).pause(200)), callee)
        ringing = next(m.at for m in self.wire.messages(GRACE, begun) if m.text.startswith("SIP/2.0 180"))
        cancel = self.wire.requests("CANCEL", to=GRACE, since=begun)[0]
        expect(cancel.at > ringing, "CANCEL went to the callee before its first response")
        self.last_record_ends_with("cancelled")

    def cancel_while_ringing(self):
        callee = Callee("ringing", "grace").invited().ring().expect("CANCEL").respond(200, "OK").answer(487).expect("ACK")
        self.pair(self.cancelled(Caller("cancel", "ada").invite("2002").expect(100, optional=True).expect(180).pause(200)),
                  callee)

    def cancel_crosses_callee(self):
        """The callee's 200 is under way when our CANCEL comes: ACK and BYE end what nobody wants any more."""
        callee = Callee("crossing", "grace").invited().ring().expect("CANCEL").respond(200, "OK").answer(200, sdp()).expect("ACK")
        self.pair(self.cancelled(Caller("cancel", "ada").invite("2002").expect(100, optional=True).expect(180).pause(200)),
                  callee.gets_bye())

    def cancel_crosses_caller(self):
        """The caller's CANCEL comes after our 200 has left: the call stands until the caller's BYE."""
        caller = Caller("crossing", "ada").invite("2002").expect(100, optional=True).expect(180, optional=True)
        caller.expect(200, route=True).cancel().expect(200).ack().pause(300).bye()
        self.pair(caller, Callee("quick", "grace").invited().take().gets_bye())

    def busy_and_declined(self):
        for status, expected in ((486, "busy"), (603, "declined")):
            self.pair(Caller("refused", "ada").invite("2002").expect(100, optional=True).expect(180, optional=True)
                      .expect(status).ack_refusal(), Callee("refuses", "grace").invited().ring().answer(status).expect("ACK"))
            self.last_record_ends_with(expected)

    # ---- refusals
    def refused(self, status, caller):
        self.alone(caller.expect(100, optional=True).expect(status).ack_refusal())

    def unknown_number(self):
        self.refused(404, Caller("unknown", "ada").invite("999"))

    def no_common_codec(self):
        self.refused(488, Caller("g729", "ada").invite("2002", sdp(codecs="18")))

    def malformed_sdp(self):
        self.refused(400, Caller("badsdp", "ada").invite("2002", "v=0\nthis is no session description\n"))

    def wrong_body(self):
        caller = Caller("text", "ada", to="2002")
        caller.request("INVITE", in_dialog=False).expect(100, optional=True).expect(401, auth=True).ack_refusal()
        caller.request("INVITE", "hello\n", in_dialog=False, auth=True, content_type="text/plain")
        self.alone(caller.expect(100, optional=True).expect(415).ack_refusal())

    def call_with_wrong_password(self):
        caller = Caller("thief", "ada", to="2002")
        self.alone(caller.challenged("INVITE", sdp(), auth="not-the-word").expect(100, optional=True).expect(403).ack_refusal())

    # ---- in a call
    def info_digits(self):
        begun = time.time()
        caller = Caller("info", "ada").invite("2002").answered().play(self.tone["ada"]).pause(500)
        caller.request("INFO", "Signal=5\nDuration=160\n", content_type="application/dtmf-relay").expect(200).pause(900).bye()
        self.pair(caller, Callee("digits", "grace").invited().take().gets_bye())
        events = [p for p in self.wire.stream(to=GRACE, since=begun) if p.payload_type == 101]
        expect(events and {p.payload[0] for p in events} == {5}, f"events that grace got: {[p.payload.hex() for p in events]}")
        expect(any(p.payload[1] & 0x80 for p in events), "the event has no end")
        return f"{len(events)} RFC 4733 packets of digit 5"

    def info_digits_as_tones(self):
        """Neither phone does telephone events: what the caller keys reaches the callee as sound, in the call's codec."""
        for kind, number, name in ((codecs.G711, 8, "pcma"), (codecs.G722, 9, "g722"), (codecs.OPUS, 96, "opus")):
            for device in (self.ada_desk, self.ada_mobile, self.grace_desk):
                self.server.ask("PATCH", f"/devices/{device}", {"codecs": [name]})
            begun, body = time.time(), plain_sdp(number, f"{kind.name}/{kind.clock}{'/2' if kind is codecs.OPUS else ''}")
            caller = Caller("info", "ada").invite("2002", body).answered().pause(200)
            for key in "4#7":
                caller.request("INFO", f"Signal={key}\nDuration=120\n", content_type="application/dtmf-relay").expect(200)
            self.pair(caller.pause(1300).bye(), Callee("plain", "grace").invited().take(body).gets_bye())
            heard = codecs.keys(codecs.decode(self.wire.stream(to=GRACE, since=begun), kind) + [0] * 800)
            equal(heard, "4#7", f"keys that grace hears on {kind.name}")
        for device in (self.ada_desk, self.ada_mobile, self.grace_desk):
            self.server.ask("PATCH", f"/devices/{device}", {"codecs": []})
        return "4#7 heard on PCMA, G722 and opus"

    def crossing_offers(self):
        """While our offer of a 200 waits for its ACK no other offer may come in (RFC 3261 section 14.2, RFC 3311)."""
        caller = Caller("glare", "ada").invite("2002").answered()
        caller.request("INVITE").expect(100, optional=True).expect(200).pause(200)
        caller.request("UPDATE", sdp()).expect(491)
        caller.request("ACK", sdp(), cseq=3, retransmit=False).pause(300).bye()
        self.pair(caller, Callee("plain", "grace").invited().take().gets_bye())

    def options(self):
        caller = Caller("options", "ada", to="2002")
        self.alone(caller.request("OPTIONS", in_dialog=False).expect(200, action=caller.require("Allow", "INVITE")))

    # ---- session timers
    def interval_too_small(self):
        caller = Caller("small", "ada", to="2002")
        caller.request("INVITE", sdp(), "Session-Expires: 30\nSupported: timer\n", in_dialog=False)
        caller.expect(100, optional=True).expect(422, action=caller.require("Min-SE", "90")).ack_refusal()
        self.alone(caller)

    def caller_refreshes(self):
        caller = Caller("refresher", "ada").invite("2002", headers="Session-Expires: 90;refresher=uac\nSupported: timer\n")
        caller.answered(caller.require("Session-Expires", "90;.*refresher=uac")).pause(300)
        caller.request("UPDATE", headers="Session-Expires: 90;refresher=uac\nSupported: timer\n")
        caller.expect(200, action=caller.require("Session-Expires", "90;.*refresher=uac"))
        caller.request("INVITE", sdp(), headers="Session-Expires: 90;refresher=uac\nSupported: timer\n")
        caller.expect(100, optional=True).expect(200, action=caller.require("Session-Expires", "90")).ack().bye()
        self.pair(caller, Callee("plain", "grace").invited().take().gets_bye())

    def start_server_refresh(self):
        """Takes 50 s, so it runs beside the others, between devices of its own. The callee is silent: after 30 s it is asked
        whether it is still there, and its answer keeps the call."""
        for name, host in (("slow", "10.77.0.6"), ("patient", "10.77.0.7")):
            account = self.server.account(name, "30" + host[-1])
            self.server.device(account, name)
            self.sipp.register(name, host)
        callee = Callee("patient", "patient").invited().take().expect("OPTIONS", timeout=40000).respond(200, "OK")
        caller = Caller("slow", "slow").invite("307", headers="Session-Expires: 90;refresher=uas\nSupported: timer\n"
                                               "Allow: INVITE, ACK, BYE, CANCEL\n")
        caller.answered(caller.require("Session-Expires", "90;.*refresher=uas"))
        callee.gets_bye(timeout=40000)
        caller.play(self.tone["ada"]).expect("INVITE", timeout=60000).respond(491).expect("ACK")
        caller.expect("INVITE", action=caller.require("Session-Expires", "90"), timeout=10000)
        caller.respond(200, "OK", "Require: timer\nSession-Expires: 90;refresher=uas\n", sdp()).expect("ACK").pause(300).bye()
        self.slow = (self.sipp.start(callee, "10.77.0.7", seconds=80), self.sipp.start(caller, "10.77.0.6", seconds=75))
        self.server.the_call()
        self.server.long_call()

    def server_refreshes_through_glare(self):
        for side in self.slow:
            side.done()
        self.server.no_long_call()
        self.server.idle()
        return "491 to the first refresh, 200 to its repetition; a silent device was asked by OPTIONS and kept"

    # ---- flips that sipp can see best
    def reinvite_amid_flip(self):
        """The far party holds and resumes while B rings, and again right after the splice: answered here, nobody else told."""
        self.sipp.register("mobile", MOBILE)
        begun = time.time()
        far = Callee("far", "grace").invited().take().play(self.tone["grace"]).pause(1500)
        far.reinvite(sdp("sendonly")).pause(200).reinvite(sdp()).pause(800).reinvite(sdp()).gets_bye()
        desk = Caller("desk", "ada").invite("2002").answered().play(self.tone["ada"])
        desk.expect("BYE", action=desk.require("Reason", "flipped")).respond(200, "OK")
        mobile = Callee("mobile", "mobile").invited().ring().pause(1500).take().play(self.tone["mobile"]).pause(2500).bye()
        running = [self.sipp.start(far, GRACE), self.sipp.start(mobile, MOBILE), self.sipp.start(desk, ADA)]
        call = self.call_of_ada()
        wait_for("audio from ada", lambda: len(self.wire.stream(to=GRACE, since=begun)) > 30)
        flip = self.server.flip(call["id"], self.ada, self.ada_mobile)
        for side in running:
            side.done()
        record = self.server.flip_outcome(flip)
        equal(record["outcome"], "done", "outcome")
        dialog = self.wire.requests("INVITE", to=GRACE, since=begun)[0].header("Call-ID")
        to_grace = [m.first.split()[0] for m in self.wire.messages(GRACE, begun) if m.is_request and m.to[0] == GRACE
                    and m.header("Call-ID") == dialog]
        expect(to_grace.count("INVITE") == 1 and to_grace[-1] == "BYE" and set(to_grace) <= {"INVITE", "ACK", "BYE"},
               f"requests to the far party: {to_grace}")
        for host in (ADA, MOBILE):
            count = len([m for m in self.wire.requests("INVITE", to=host, since=begun) if "tag=" in m.header("To")])
            equal(count, 0, f"re-INVITEs that crossed to {host}")
        expect(record["report"]["kept"], "the server's report is red: " + "; ".join(broken_lines(record)))
        silent = next(line["note"] for line in record["report"]["lines"] if line["key"] == "slots_missing")
        expect("silent by its own choice" in silent, f"the hold is not in the report: {silent!r}")
        self.server.idle()
        return "three re-INVITEs answered, none crossed"

    # ---- TCP
    def tcp(self):
        begun = time.time()
        self.sipp.run(Caller("register", "mobile", "tcp").register().expect(200), OTHER, tcp=True)
        caller = Caller("tcp", "mobile", "tcp").invite("2002").answered().play(self.tone["mobile"]).pause(800).bye()
        waiting = self.sipp.start(Callee("plain", "grace").invited().ring().take().play(self.tone["grace"]).gets_bye(), GRACE)
        self.sipp.run(caller, OTHER, tcp=True)
        waiting.done()
        self.server.idle()
        runs, _ = self.heard(GRACE, begun)
        expect(any(r.what == "mobile" for r in runs), f"grace heard {', '.join(map(str, runs)) or 'nothing'}")


def main():
    with Room() as room:
        tests = SippTests(room)
        suite = Suite("sipp", tests.wire, tests.clean)
        for title, test in (
                ("REGISTER with digest (MD5), its binding shown by REST", tests.register),
                ("REGISTER with a wrong password, or of nobody: 403", tests.register_wrong_password),
                ("REGISTER for too short a time: 423", tests.register_brief),
                ("REGISTER and un-REGISTER", tests.unregister),
                ("a session timer is started, its refresh comes later", tests.start_server_refresh),
                ("a call with audio both ways; the number is shown, never the device", tests.call_with_audio),
                ("early media before the answer", tests.early_media),
                ("hold and resume, new style (sendonly)", tests.hold_new),
                ("hold and resume, old style (0.0.0.0)", tests.hold_old),
                ("the callee holds (inactive), resumes and hangs up", tests.callee_holds),
                ("INVITE without an offer", tests.delayed_offer),
                ("CANCEL before the callee has said anything", tests.cancel_before_ringing),
                ("CANCEL while it rings", tests.cancel_while_ringing),
                ("CANCEL crosses the callee's 200", tests.cancel_crosses_callee),
                ("CANCEL crosses our 200", tests.cancel_crosses_caller),
                ("busy and declined reach the caller", tests.busy_and_declined),
                ("unknown number: 404", tests.unknown_number),
                ("no common codec: 488", tests.no_common_codec),
                ("malformed SDP: 400", tests.malformed_sdp),
                ("a body that is no SDP: 415", tests.wrong_body),
                ("INVITE with a wrong password: 403", tests.call_with_wrong_password),
                ("a digit by INFO becomes a telephone event", tests.info_digits),
                ("a digit by INFO becomes a tone where a phone has no telephone events", tests.info_digits_as_tones),
                ("an offer while ours is open: 491", tests.crossing_offers),
                ("OPTIONS", tests.options),
                ("session interval too small: 422", tests.interval_too_small),
                ("the caller refreshes the session by UPDATE and re-INVITE", tests.caller_refreshes),
                ("re-INVITEs of the far party in the middle of a flip", tests.reinvite_amid_flip),
                ("register and call over TCP", tests.tcp),
                ("the server refreshes the session, through a 491", tests.server_refreshes_through_glare)):
            suite.run(title, test)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
