"""Bad SIP and bad RTP: what cannot be read, and what is read and refused."""
import os
import pathlib
import re
import resource
import socket
import struct
import time
import urllib.parse

from lab.room import wait_for
from lab.server import IP
from lab.sipp import Callee
from lab.suite import equal, expect
from live import ADA
from rawsip import RawSip, sdp

STRANGER, EVE, FRANK = "10.77.0.9", "10.77.0.5", "10.77.0.6"
TORTURE = sorted((pathlib.Path(__file__).resolve().parents[1] / "torture").glob("*.sip"))


class BadSip:
    """Needs `server`, `sipp`, `wire`, `live` and `logged`; Eve (2003) has no phone that is registered, Frank (2004) has."""

    # ---- SIP that cannot be read
    def refused(self, message, status, why, tcp=False):
        """The answer, and the log line that says it; on a stream the connection closes."""
        phone = RawSip(STRANGER, tcp=tcp)
        phone.send(message(phone))
        answer = phone.final()
        expect(answer is not None and answer.status == status, f"answered with {answer}; expected {status}")
        self.logged(f"malformed SIP from {re.escape(phone.address)}.* answered with {status}: {why}")
        if tcp:
            expect(phone.closed(3), "the connection is still open")
        phone.close()
        return str(answer)

    def dropped(self, data, why, tcp=False):
        phone = RawSip(STRANGER, tcp=tcp)
        phone.send(data)
        self.logged(f"malformed SIP from {re.escape(phone.address)}.* dropped: {why}")
        expect(phone.read(0.1) is None, "it was answered")
        phone.close()

    def torture(self):
        """RFC 4475's messages as they are, most of them malformed: whatever is answered, the server lives.

        Only answers to those whose Via has an address can come here: without rport the others go to sent-by's port.
        """
        phone, answers = RawSip(STRANGER), []
        for path in TORTURE:
            phone.send(path.read_bytes())
        while answer := phone.read(0.3):
            answers.append(answer.status)
        self.alive()
        expect({200, 400, 401, 406} <= set(answers), f"answers {sorted(set(answers))}")
        return f"{len(TORTURE)} messages, answers {sorted(set(answers))}"

    def alive(self):
        phone = RawSip(STRANGER)
        phone.send(phone.request("OPTIONS"))
        answer = phone.final()
        expect(answer is not None and answer.status == 200, f"OPTIONS: {answer}")
        phone.close()

    def flood(self):
        """More garbage than a log should hold."""
        phone = RawSip(STRANGER)
        for _ in range(3000):
            phone.send(b"\xff\x00garbage" * 20)
        self.alive()
        time.sleep(0.6)  # the bucket has one line a half second again
        phone.send(b"the last of it\r\n\r\n")
        line = self.logged(r"lines like this were left out")
        lines = len(self.server.log_lines("malformed SIP"))
        expect(lines < 300, f"{lines} lines about malformed SIP")
        return re.search(r"\((.*)\)", line)[1]

    # ---- SIP that is read and refused
    def invited(self, status, header="", pattern="", log="", to="2004", **more):
        """An INVITE of Eve's with good credentials."""
        phone = RawSip(EVE, "eve")
        answer, _ = phone.challenged("INVITE", to=to, **more)
        expect(answer is not None and answer.status == status, f"answered with {answer}; expected {status}")
        expect(re.search(pattern, answer.header(header)) if header else True, f"{header}: {answer.header(header)}")
        self.logged(log)
        phone.close()
        return f"{answer}{f', {header}: {answer.header(header)}' if header else ''}"

    def bad_offer_in_a_call(self):
        """A re-INVITE that cannot be taken: refused, and the call of the two goes on."""
        frank = self.sipp.start(Callee("frank", "frank").invited().take().gets_bye(), FRANK)
        phone = RawSip(EVE, "eve")
        answer, call = phone.challenged("INVITE", to="2004", body=sdp(EVE, 7000))
        equal(answer.status, 200, "the call of Eve and Frank")
        said = []
        for body, status in (("v=0\r\nwhat is this", 400), (sdp(EVE, 7000, "18"), 488)):
            phone.send(phone.request("INVITE", to="2004", call=call, body=body))
            answer = phone.final()
            phone.send(phone.ack(call, "2004", call["branch"]))
            expect(answer is not None and answer.status == status, f"answered with {answer}; expected {status}")
            self.logged(f"offer of eve in its call refused with {status}")
            said.append(f"{answer.status} {answer.header('Warning')}")
        phone.send(phone.request("BYE", to="2004", call=call))
        equal(phone.final().status, 200, "BYE")
        frank.done()
        return "; ".join(said)

    def full_ports(self):
        """Four pairs: the live call has two. The call after the next gets 503, and its ports come back."""
        frank = self.sipp.start(Callee("frank", "frank").invited().take().gets_bye(), FRANK)
        eve = RawSip(EVE, "eve")
        answer, call = eve.challenged("INVITE", to="2004", body=sdp(EVE, 7000))
        equal(answer.status, 200, "the call that takes the last ports")
        said = self.invited(503, "Retry-After", r"^\d+$", "INVITE of eve refused with 503: No RTP port is free", to="2004",
                            body=sdp(EVE, 7002))
        eve.send(eve.request("BYE", to="2004", call=call))
        equal(eve.final().status, 200, "BYE")
        frank.done()
        wait_for("the ports", lambda: self.server.ask("GET", "/health")["rtp_ports"]["used"] == 2)
        frank = self.sipp.start(Callee("frank", "frank").invited().take().gets_bye(), FRANK)
        answer, call = eve.challenged("INVITE", to="2004", body=sdp(EVE, 7000))
        equal(answer.status, 200, "a call when there are ports again")
        eve.send(eve.request("BYE", to="2004", call=call))
        frank.done()
        return said

    def forged_line(self):
        """What peers send stands in log lines; it must not be able to make one."""
        phone = RawSip(EVE, "eve")
        number = urllib.parse.quote("99\n[2026-01-01 00:00:00.000] [segue] [error] forged")
        equal(phone.ask("INVITE", to="2004", target=f"sip:{number}@{IP}", body=sdp(EVE, 7000)).status, 404, "the call")
        line = self.logged("forged ended: unknown_number")
        expect("[info] call " in line and "99?[2026" in line, line)

    def wrong_credentials(self):
        phone = RawSip(STRANGER, "ada")
        for method, more in (("REGISTER", {"to": "ada"}), ("INVITE", {"body": sdp(STRANGER, 7000)})):
            answer, _ = phone.challenged(method, password="guess", **more)
            equal(answer.status, 403, f"{method} with a wrong password")
        self.logged(f'wrong credentials for "ada" from {re.escape(phone.address)}')
        phone.user = "nobody-here"
        equal(phone.ask("REGISTER", to="nobody-here").status, 403, "REGISTER of an unknown user")
        self.logged('wrong credentials for "nobody-here"')
        phone.user = "ada"
        for _ in range(200):
            equal(phone.challenged("REGISTER", password="guess", to="ada")[0].status, 403, "REGISTER with a wrong password")
        lines = len(self.server.log_lines("wrong credentials"))
        expect(lines < 100, f"{lines} log lines")
        expect(self.server.registered(self.live.device["ada"]), "ada's own registration is gone")
        return f"203 refusals, {lines} log lines"

    def many_sip_connections(self):
        phones = [RawSip(STRANGER, tcp=True) for _ in range(256)]
        one_more = RawSip(STRANGER, tcp=True)
        expect(one_more.closed(3), "the 257th connection from one address was accepted")
        self.logged(f"SIP connection from {re.escape(one_more.address)} refused: too many connections from this address")
        other = RawSip(EVE, tcp=True)
        other.send(other.request("OPTIONS"))
        equal(other.final().status, 200, "OPTIONS over TCP from elsewhere")
        for phone in phones:
            phone.close()
        return "the 257th is refused, others are served"

    def no_files_left(self):
        """The process may open no more files: new connections wait until it may again. (A call finds RTP ports that are
        bound already; net_tests have what is said where there are none.)"""
        server = self.server.process.pid
        soft, hard = resource.prlimit(server, resource.RLIMIT_NOFILE)
        used = {int(name) for name in os.listdir(f"/proc/{server}/fd")}
        lowest_free = min(set(range(len(used) + 1)) - used)  # descriptors are given from below
        resource.prlimit(server, resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            waiting = RawSip(STRANGER, tcp=True)
            waiting.send(waiting.request("OPTIONS"))
            self.logged(f"SIP connections to {IP}:5060 cannot be accepted: Too many open files")
        finally:
            resource.prlimit(server, resource.RLIMIT_NOFILE, (soft, hard))
        equal(waiting.final().status, 200, "OPTIONS of the connection that had to wait")
        self.alive()

    # ---- RTP
    def foreign_rtp(self):
        """At the live call's own ports: a stranger who copies the stream, garbage, and another program on Ada's own host."""
        since = time.time()
        self.live.flowing(10)
        genuine = self.wire.stream(to=IP, source=ADA)[-1]
        port = genuine.to[1]

        def packet(at, ssrc, kind=8):
            return struct.pack("!BBHII", 0x80, kind, at & 0xFFFF, (at * 160) & 0xFFFFFFFF, ssrc) + b"\x2a" * 160
        stranger, neighbour = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        stranger.bind((STRANGER, 0))
        neighbour.bind((ADA, 0))
        bye = struct.pack("!BBHI", 0x81, 203, 1, genuine.ssrc)
        for n in range(60):
            for sender in (stranger, neighbour):
                sender.sendto(packet(genuine.sequence + 20 + n, genuine.ssrc), (IP, port))
                sender.sendto(packet(5000 + n, 0xBADBAD), (IP, port))
                sender.sendto(bytes([0x80 + n]) * (1 + 7 * n), (IP, port))
                sender.sendto(packet(6000 + n, 0xBADBAD, kind=99), (IP, port))
                sender.sendto(bye, (IP, port + 1))
                sender.sendto(b"\x81\xc8\xff\xff\x00" * 3, (IP, port + 1))
        self.live.flowing(50)
        for sender, name in ((stranger, "the stranger"), (neighbour, "the neighbour")):
            to = sender.getsockname()
            sent = [p for p in self.wire.stream(since=since) if p.to == to]
            expect(not sent, f"{len(sent)} packets were sent to {name}")
            sender.close()
        self.logged(f"RTP port {port}: what comes from {STRANGER}.* is not passed on")
        self.logged(f"RTP port {port}: what is malformed or not agreed from .* is not passed on to the call of ada")
        return "720 packets, none passed on, nothing sent there"

    # ---- all of it
    def all_sip(self, run):
        def malformed(title, message, status, why, tcp=False):
            run(title, lambda: self.refused(message, status, why, tcp))

        malformed("SIP whose lines end without CR: 400",
                  lambda p: p.request("OPTIONS").replace("\r\n", "\n"), 400, "a line that ends without CR")
        malformed("SIP with a header of 9 kB: 400",
                  lambda p: p.request("OPTIONS", headers=f"X: {'x' * 9000}\r\n"), 400, "a header is too long")
        malformed("SIP with 3,000 headers: 400",
                  lambda p: p.request("OPTIONS", headers="X: y\r\n" * 3000), 400, "too many headers")
        malformed("SIP with zero bytes in a header: 400",
                  lambda p: p.request("OPTIONS").replace("Call-ID: ", "Call-ID: \0"), 400, "a zero byte")
        malformed("SIP with a body shorter than said: 400",
                  lambda p: p.request("OPTIONS", body="x", length=500), 400, "Content-Length: the body is shorter")
        malformed("SIP of another version: 505",
                  lambda p: p.request("OPTIONS").replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505, "SIP version")
        malformed("SIP with a line of 9 kB at its start: 414",
                  lambda p: p.request("OPTIONS", target=f"sip:{'x' * 9000}@b"), 414, "the start line is too long")
        run("garbage instead of SIP: dropped", lambda: self.dropped(b"\x00\x01\x02 garbage \xff", ""))
        run("a response without sense: dropped", lambda: self.dropped(b"SIP/2.0 9999 What\r\n\r\n", ""))
        malformed("TCP: Content-Length below zero: 400, closed",
                  lambda p: p.request("OPTIONS", length=-1), 400, "Content-Length is not a number", True)
        malformed("TCP: no Content-Length: 400, closed",
                  lambda p: p.request("OPTIONS").replace("Content-Length: 0\r\n", ""), 400, "no Content-Length on a stream", True)
        malformed("TCP: two Content-Lengths: 400, closed",
                  lambda p: p.request("OPTIONS", headers="Content-Length: 7\r\n"), 400, "Content-Length stands twice", True)
        malformed("TCP: a message of 70 kB: 513, closed",
                  lambda p: p.request("OPTIONS", body="x" * 70000), 513, "the message is larger", True)
        run("TCP: 70 kB without an end of the headers: dropped, closed", lambda: self.dropped(b"x" * 70000, "", True))
        run("the torture messages of RFC 4475", self.torture)
        run("INVITE with a session description that is none: 400", lambda: self.invited(
            400, "Warning", "399 segue", "INVITE of eve refused with 400: Bad session description", body="v=0\r\nwhat is this\r\n"))
        run("INVITE without audio: 488", lambda: self.invited(
            488, "Warning", "304 segue", "INVITE of eve refused with 488: No usable audio",
            body=sdp(EVE, 7000).replace("m=audio", "m=video")))
        run("INVITE with an unknown codec: 488", lambda: self.invited(
            488, "Warning", "305 segue", "INVITE of eve refused with 488: No known codec", body=sdp(EVE, 7000, "18")))
        run("INVITE with a codec that the other side has switched off: 488", lambda: self.invited(
            488, "Warning", "305 segue", "to 2005 ended: no_common_codec", to="2005", body=sdp(EVE, 7000)))
        run("INVITE with text instead of an offer: 415", lambda: self.invited(
            415, "Accept", "application/sdp", "", body="hello", content_type="text/plain"))
        run("a bad offer in a running call: 400 and 488, the call goes on", self.bad_offer_in_a_call)
        run("a number that does not exist: 404", lambda: self.invited(
            404, "Reason", "cause=1;", "to 9999 ended: unknown_number", to="9999", body=sdp(EVE, 7000)))
        run("a number whose phones are all away: 480", lambda: self.invited(
            480, "Reason", "cause=20;", "to 2003 ended: unreachable", to="2003", body=sdp(EVE, 7000)))
        run("a number with a line end in it: 404, and one log line", self.forged_line)
        run("no files left: connections wait", self.no_files_left)
        run("wrong credentials: 403", self.wrong_credentials)
        run("a full port range: 503, then calls again", self.full_ports)
