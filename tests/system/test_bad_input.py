#!/usr/bin/env python3
"""Bad input of every kind, while one call goes on: each gets its protocol's own answer and its log line, and the call
does not notice. docs/troubleshooting.md is the table of it."""
import http.client
import json
import pathlib
import re
import socket
import struct
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from lab import wire
from lab.room import Room, wait_for
from lab.server import IP, Server
from lab.sipp import Callee, Sipp
from lab.suite import Suite, equal, expect
from live import ADA, GRACE, Guarded, LiveCall
from rawsip import RawSip, sdp

STRANGER, EVE, FRANK = "10.77.0.9", "10.77.0.5", "10.77.0.6"
TORTURE = sorted((pathlib.Path(__file__).resolve().parents[1] / "torture").glob("*.sip"))
FEW_PORTS = "[media]\nrtp_first = 20000\nrtp_last = 20007\n"  # four pairs: two calls


class BadInput:
    def __init__(self, room):
        self.wire, self.server, self.sipp = wire.Wire(), Server(room, log_level="info", more=FEW_PORTS), Sipp(room)
        self.live = LiveCall(self.wire, self.server, self.sipp)
        eve = self.server.account("Eve", "2003")
        self.server.device(eve, "eve")
        frank = self.server.account("Frank", "2004")
        self.server.device(frank, "frank")
        self.server.device(self.server.account("Gus", "2005"), "gus", codecs=["opus"])
        self.sipp.register("frank", FRANK)
        self.live.start()

    def logged(self, pattern, seconds=3):
        return wait_for(f"a log line like {pattern!r}", lambda: self.server.log_lines(pattern), seconds)[-1]

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
        """RFC 4475's messages as they are, most of them malformed: whatever is answered, the server lives."""
        phone, answers = RawSip(STRANGER), []
        for path in TORTURE:
            phone.send(path.read_bytes())
        while answer := phone.read(0.3):
            answers.append(answer.status)
        self.alive()
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

    # ---- REST
    def rest(self, method, path, body=None, token=True, kind="application/json", raw=None):
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
        headers = {"Authorization": f"Bearer {self.server.token}"} if token is True else {"Authorization": token} if token else {}
        if body is not None or raw is not None:
            headers["Content-Type"] = kind
        connection.request(method, path, raw if raw is not None else body and json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def problem(self, status, slug, method, path, **more):
        response, text = self.rest(method, path, **more)
        equal(response.status, status, f"{method} {path}: {text}")
        equal(response.getheader("Content-Type"), "application/problem+json", "type of the body")
        found = json.loads(text)
        equal((found["type"], found["status"]), (f"urn:segue:problem:{slug}", status), "problem")
        expect(found["title"] and found["detail"], f"a problem without words: {text}")
        self.logged(f"REST: {method} {re.escape(path)} from 127.0.0.1:\\d+: {status} {re.escape(found['title'])}")
        return f"{status} {found['detail']} {found.get('errors', '')}".strip()

    def no_http(self):
        """Bytes that are no HTTP, a header that is too large, a body that says it is."""
        for data, status in ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS?\r\n\r\n", 400), (b"INVITE sip:a@b SIP/2.0\r\n\r\n", 400),
                             (b"GET /v1/health HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
                             (b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
                             (b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413)):
            with socket.create_connection(("127.0.0.1", 8080), 3) as connection:
                connection.sendall(data)
                answer = connection.recv(65536)
                expect(answer.startswith(f"HTTP/1.1 {status} ".encode()), f"{data[:40]}: {answer[:60]}; expected {status}")
                self.logged(f"REST: .* from 127.0.0.1:{connection.getsockname()[1]}: {status}")

    # ---- too many
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

    def many_http_connections(self):
        held = [socket.create_connection(("127.0.0.1", 8080), 3) for _ in range(257)]
        answer = held[-1].recv(4096)
        expect(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer, f"the 257th connection: {answer[:60]}")
        self.logged("REST: a connection from 127.0.0.1: 503 A limit is reached")
        for connection in held:
            connection.close()
        wait_for("REST", lambda: self.rest("GET", "/v1/health")[0].status == 200)
        return "the 257th gets 503"

    # ---- slow ones: begun first, looked at last, so that nobody waits for them
    def begin_slow(self):
        self.slow_since = time.monotonic()
        self.slow_http = {"header": socket.create_connection(("127.0.0.1", 8080), 3), "body": socket.create_connection(("127.0.0.1", 8080), 3)}
        self.slow_http["header"].sendall(b"GET /v1/health HTTP/1.1\r\nHo")
        self.slow_http["body"].sendall(b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        self.half = RawSip(EVE, tcp=True)
        self.half.send(self.half.request("OPTIONS")[:60])
        self.deaf = RawSip(EVE, tcp=True, receive_buffer=4096)
        message = self.deaf.request("OPTIONS").encode()  # one transaction: what follows are retransmissions, answered each
        self.deaf.socket.settimeout(0.2)
        sent = 0
        try:
            while sent < 40_000_000:
                sent += self.deaf.socket.send(message * 20)
        except (TimeoutError, ConnectionError):  # either way the server has had enough of it
            pass
        self.alive()
        return f"4 slow clients; the deaf one was sent answers to {sent // 1000} kB"

    def trickle(self):
        """Slow ones that do send, a byte now and then, are not given more time for it."""
        for connection in self.slow_http.values():
            try:
                connection.sendall(b"x")
            except OSError:
                pass

    def end_slow(self):
        said = []
        for what, connection in self.slow_http.items():
            connection.settimeout(12)
            answer = connection.recv(4096)
            expect(answer.startswith(b"HTTP/1.1 408 ") and b"problem+json" in answer, f"slow {what}: {answer[:60]}")
            self.logged(f"REST: .* from 127.0.0.1:{connection.getsockname()[1]}: 408 Too slow")
        said.append("REST 408")
        self.alive()
        expect(self.half.closed(20), "half a SIP message still holds its connection")
        self.logged(f"SIP connection from {re.escape(self.half.address)} closed: a message was begun and not finished in time")
        self.logged(f"SIP connection from {re.escape(self.deaf.address)} closed: it does not read what it is sent", 20)
        said.append(f"SIP closed after {time.monotonic() - self.slow_since:.0f} s at most")
        return ", ".join(said)

    def all(self, suite):
        guarded = Guarded(suite, self.live)
        run = guarded.run
        malformed = lambda title, message, status, why, tcp=False: run(title, lambda: self.refused(message, status, why, tcp))
        run("slow clients begin", self.begin_slow)
        malformed("SIP whose lines end without CR: 400", lambda p: p.request("OPTIONS").replace("\r\n", "\n"), 400, "a line that ends without CR")
        malformed("SIP with a header of 9 kB: 400", lambda p: p.request("OPTIONS", headers=f"X: {'x' * 9000}\r\n"), 400, "a header is too long")
        malformed("SIP with 3,000 headers: 400", lambda p: p.request("OPTIONS", headers="X: y\r\n" * 3000), 400, "too many headers")
        malformed("SIP with zero bytes in a header: 400", lambda p: p.request("OPTIONS").replace("Call-ID: ", "Call-ID: \0 "), 400, "")
        malformed("SIP with a body shorter than said: 400", lambda p: p.request("OPTIONS", body="x", length=500), 400, "Content-Length: the body is shorter")
        malformed("SIP of another version: 505", lambda p: p.request("OPTIONS").replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505, "SIP version")
        malformed("SIP with a line of 9 kB at its start: 414", lambda p: p.request("OPTIONS", target=f"sip:{'x' * 9000}@b"), 414, "the start line is too long")
        run("garbage instead of SIP: dropped", lambda: self.dropped(b"\x00\x01\x02 garbage \xff", ""))
        run("a response without sense: dropped", lambda: self.dropped(b"SIP/2.0 9999 What\r\n\r\n", ""))
        malformed("TCP: Content-Length below zero: 400, closed", lambda p: p.request("OPTIONS", length=-1), 400, "Content-Length is not a number", True)
        malformed("TCP: no Content-Length: 400, closed", lambda p: p.request("OPTIONS").replace("Content-Length: 0\r\n", ""), 400, "no Content-Length on a stream", True)
        malformed("TCP: two Content-Lengths: 400, closed", lambda p: p.request("OPTIONS", headers="Content-Length: 7\r\n"), 400, "Content-Length stands twice", True)
        malformed("TCP: a message of 70 kB: 513, closed", lambda p: p.request("OPTIONS", body="x" * 70000), 513, "the message is larger", True)
        run("TCP: 70 kB without an end of the headers: dropped, closed", lambda: self.dropped(b"x" * 70000, "", True))
        run("the torture messages of RFC 4475", self.torture)
        run("INVITE with a session description that is none: 400", lambda: self.invited(
            400, "Warning", "399 segue", "INVITE of eve refused with 400: Bad session description", body="v=0\r\nwhat is this\r\n"))
        run("INVITE without audio: 488", lambda: self.invited(
            488, "Warning", "304 segue", "INVITE of eve refused with 488: No usable audio", body=sdp(EVE, 7000).replace("m=audio", "m=video")))
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
        run("wrong credentials: 403", self.wrong_credentials)
        run("a full port range: 503, then calls again", self.full_ports)
        run("RTP and RTCP of strangers, and garbage", self.foreign_rtp)
        self.trickle()
        post = ("POST", "/v1/accounts")
        for title, status, slug, request, more in (
                ("that is not JSON", 400, "malformed-json", post, {"raw": '{"name": '}),
                ("that is nested too deeply", 400, "malformed-json", post, {"raw": "[" * 5000 + "]" * 5000}),
                ("with a wrong type", 422, "invalid", post, {"body": {"name": 5}}),
                ("with an unknown key", 422, "invalid", post, {"body": {"name": "x", "colour": "red"}}),
                ("of 100 kB", 413, "too-large", post, {"raw": json.dumps({"name": "x" * 100_000})}),
                ("of another media type", 415, "media-type", post, {"raw": "name=x", "kind": "text/plain"}),
                ("without a token", 401, "unauthorized", post, {"body": {"name": "x"}, "token": ""}),
                ("with a wrong token", 401, "unauthorized", post, {"body": {"name": "x"}, "token": "Bearer guess"}),
                ("for what does not exist", 404, "not-found", ("GET", "/v1/calls/call_99999"), {}),
                ("with a wrong method", 405, "method", ("DELETE", "/v1/accounts"), {})):
            run(f"REST: a request {title}: {status}", lambda: self.problem(status, slug, *request, **more))
        run("REST: what is no HTTP", self.no_http)
        run("REST: too many connections: 503", self.many_http_connections)
        run("SIP: too many connections from one address", self.many_sip_connections)
        run("slow clients end", self.end_slow)
        run("a flood of garbage: its log lines are bounded", self.flood)
        suite.run("the call, from its first to its last second", self.whole_call)

    def whole_call(self):
        said = self.live.unharmed(until=time.time())
        self.live.end()
        self.server.idle()
        expect(self.server.process.poll() is None, "the server has ended")
        return said


def main():
    with Room() as room:
        tests = BadInput(room)
        suite = Suite("bad input while a call goes on", tests.wire)
        tests.all(suite)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
