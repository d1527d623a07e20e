#!/usr/bin/env python3
"""Bad input of every kind, while one call goes on: each gets its protocol's own answer and its log line, and the call
does not notice. docs/troubleshooting.md is the table of it."""
import pathlib
import re
import socket
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from bad_rest import BadRest
from bad_sip import EVE, FRANK, BadSip
from lab import wire
from lab.room import Room, wait_for
from lab.server import Server
from lab.sipp import Sipp
from lab.suite import Suite, expect
from live import Guarded, LiveCall
from rawsip import RawSip

FEW_PORTS = "[media]\nrtp_first = 20000\nrtp_last = 20007\n"  # four pairs: two calls


class BadInput(BadSip, BadRest):
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

    # ---- slow ones: begun first, looked at last, so that nobody waits for them
    def begin_slow(self):
        self.slow_since = time.monotonic()
        begun = {"header": b"GET /v1/health HTTP/1.1\r\nHo",
                 "body": b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"}
        self.slow_http = {what: socket.create_connection(("127.0.0.1", 8080), 3) for what in begun}
        for what, connection in self.slow_http.items():
            connection.sendall(begun[what])
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
        run("slow clients begin", self.begin_slow)
        self.all_sip(run)
        run("RTP and RTCP of strangers, and garbage", self.foreign_rtp)
        self.trickle()
        self.all_rest(run)
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
