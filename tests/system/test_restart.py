#!/usr/bin/env python3
"""The server ends, gently or not, and starts again: calls end with a reason and a record, registrations are found again."""
import pathlib
import re
import signal
import socket
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from lab import wire
from lab.room import Room, wait_for
from lab.server import Server
from lab.sipp import Callee, Sipp
from lab.suite import Suite, equal, expect
from live import ADA, GRACE, LiveCall
from rawsip import Answer, RawSip, sdp

EVE, FRANK, TINA, TOM, SAM = (f"10.77.0.{n}" for n in range(5, 10))


class Restart:
    def __init__(self, room):
        self.room, self.wire, self.sipp = room, wire.Wire(), Sipp(room)
        self.server = Server(room, log_level="info", register_min=1)
        self.live = LiveCall(self.wire, self.server, self.sipp)
        self.device = {}
        for user, number in (("eve", "2003"), ("frank", "2004"), ("tina", "2005"), ("tom", "2006"), ("sam", "2007")):
            self.device[user] = self.server.device(self.server.account(user.title(), number), user)

    def clean(self):
        self.sipp.end_all()
        if self.server.process.poll() is not None:
            self.server.start()

    def starts_again(self, stop):
        """Frank registers over UDP, Sam too but briefly, Tom over TCP and listens at his Contact, Tina over TCP and does not."""
        self.sipp.register("frank", FRANK)
        sam = RawSip(SAM, "sam")
        equal(sam.ask("REGISTER", to="sam", headers="Expires: 1\r\n").status, 200, "REGISTER of sam")
        expired = time.monotonic() + 1
        tina, tom = RawSip(TINA, "tina", tcp=True), RawSip(TOM, "tom", tcp=True)
        equal(tina.ask("REGISTER", to="tina").status, 200, "REGISTER of tina")
        contact = f"Contact: <sip:tom@{TOM}:5070;transport=tcp>\r\n"
        equal(tom.ask("REGISTER", to="tom", headers=contact).status, 200, "REGISTER of tom")
        self.server.wait_registered(*(self.device[user] for user in ("frank", "tina", "tom")))
        time.sleep(0.1)  # the writer gathers for 20 ms; whoever pulls the plug sooner loses them
        stop()
        expect(tina.closed(3) and tom.closed(3), "TCP connections outlived the server")
        wait_for("sam's registration to expire", lambda: time.monotonic() > expired)
        self.server.start()
        found = {user: self.server.registered(self.device[user]) for user in ("frank", "sam", "tina", "tom")}
        equal(found, {"frank": True, "sam": False, "tina": False, "tom": True}, "registered after the restart")
        expect(self.server.log_lines("sip:tina@.* must register again"), "no log line about tina's connection")
        return self.calls_reach_them()

    def calls_reach_them(self):
        frank = self.sipp.start(Callee("frank", "frank").invited().take().gets_bye(), FRANK)
        phone = RawSip(EVE, "eve")
        answer, call = phone.challenged("INVITE", to="2004", body=sdp(EVE, 7000))
        equal(answer.status, 200, "a call to frank, who has not registered again")
        phone.send(phone.request("BYE", to="2004", call=call))
        equal(phone.final().status, 200, "BYE")
        frank.done()
        with socket.create_server((TOM, 5070)) as listening:
            listening.settimeout(5)
            call = phone.new_call()
            phone.send(phone.request("INVITE", to="2006", body=sdp(EVE, 7000), call=call))
            challenge = phone.final()
            phone.send(phone.ack(call, "2006", call["branch"]))
            phone.send(phone.request("INVITE", to="2006", body=sdp(EVE, 7000), call=call, headers=phone.credentials(
                challenge, "INVITE", "sip:2006@segue.local", "secret-word")))
            connection, _ = listening.accept()
            with connection:
                invite = Answer(connection.recv(65536))
                expect(invite.first.startswith("INVITE sip:tom@"), f"tom got {invite}")
                same = "".join(f"{name}: {invite.header(name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
                connection.sendall(f"SIP/2.0 486 Busy Here\r\n{same}Content-Length: 0\r\n\r\n".encode())
                equal(phone.final().status, 486, "tom is busy")
                phone.send(phone.ack(call, "2006", call["branch"]))
        begun = time.monotonic()
        equal(phone.ask("INVITE", to="2005", body=sdp(EVE, 7000)).status, 480, "a call to tina, whose connection is gone")
        expect(time.monotonic() - begun < 2, "the call to tina hung")
        expect(not [m for m in self.wire.messages(TINA) if m.text.startswith("INVITE")], "tina's old port was called")
        equal(phone.ask("INVITE", to="2007", body=sdp(EVE, 7000)).status, 480, "a call to sam, who has expired")
        self.server.idle()
        return "frank rings over UDP, tom over a new TCP connection, tina and sam do not"

    def stops_in_a_call(self):
        """SIGTERM: both get BYE with a reason, the record is written, the exit code is 0."""
        self.live.start(reason="Q.850;cause=41")
        call, begun = self.live.call, time.time()
        self.server.process.send_signal(signal.SIGTERM)
        code = self.server.process.wait(5)
        took = time.time() - begun
        equal(code, 0, "exit code")
        self.live.ended()  # sipp complains if the Reason is missing
        for host in (ADA, GRACE):
            equal(len(self.wire.requests("BYE", to=host, since=begun)), 1, f"BYEs to {host}")
        for pattern in ("stopping: 1 call is being ended", r"call \d+ from 2001 to 2002 ended: server_stopped", "stopped$"):
            expect(self.server.log_lines(pattern), f"no log line like {pattern!r}")
        self.server.start()
        record = self.server.record(call)
        equal((record["cause"], record["ended_by"]), ("server_stopped", "system"), "the record")
        return f"ended in {took * 1000:.0f} ms, record {call}: {record['cause']}"

    def stops_with_deaf_phones(self):
        """Phones that do not answer BYE do not hold the server up."""
        frank = RawSip(FRANK, "frank", port=5060)
        equal(frank.ask("REGISTER", to="frank").status, 200, "REGISTER")
        eve = RawSip(EVE, "eve")
        call = eve.new_call()
        eve.send(eve.request("INVITE", to="2004", body=sdp(EVE, 7000), call=call))
        challenge = eve.final()
        eve.send(eve.ack(call, "2004", call["branch"]))
        eve.send(eve.request("INVITE", to="2004", body=sdp(EVE, 7000), call=call, headers=eve.credentials(
            challenge, "INVITE", "sip:2004@segue.local", "secret-word")))
        invite = frank.read()
        same = "".join(f"{name}: {invite.header(name)}{';tag=deaf' if name == 'To' else ''}\r\n"
                       for name in ("Via", "From", "To", "Call-ID", "CSeq"))
        body = sdp(FRANK, 7100)
        frank.send(f"SIP/2.0 200 OK\r\n{same}Contact: <sip:frank@{frank.address}>\r\nContent-Type: application/sdp\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}")
        answer = eve.final()
        call["to_tag"] = re.search(r"tag=([^;\s]+)", answer.header("To"))[1]
        eve.send(eve.ack(call, "2004"))
        self.server.the_call()
        begun = time.time()
        self.server.process.send_signal(signal.SIGTERM)
        equal(self.server.process.wait(8), 0, "exit code")
        took = time.time() - begun
        expect(2.5 < took < 5, f"it took {took:.1f} s: phones that are slow to answer should be waited for, but not for ever")
        byes = len(self.wire.requests("BYE", to=FRANK, since=begun))
        expect(byes > 1, "a BYE that may have been lost was not sent again")
        self.server.start()
        equal(self.server.ask("GET", "/records?limit=1")["items"][0]["cause"], "server_stopped", "the record")
        return f"ended in {took:.1f} s, after {byes} BYEs to each"


def main():
    with Room() as room:
        tests = Restart(room)
        suite = Suite("restart", tests.wire, tests.clean)
        suite.run("SIGTERM in a call: BYE with a Reason to both, a record, exit code 0", tests.stops_in_a_call)
        suite.run("SIGTERM with phones that do not answer", tests.stops_with_deaf_phones)
        suite.run("registrations after SIGTERM", lambda: tests.starts_again(lambda: tests.server.stop()))
        suite.run("registrations after SIGKILL", lambda: tests.starts_again(lambda: tests.server.kill()))
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
