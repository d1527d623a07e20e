"""One live call with sound in both directions, and the proof that nothing happened to it."""
import time

from lab import ears, wire
from lab.promise import check_line
from lab.room import wait_for
from lab.server import IP
from lab.sipp import Callee, Caller
from lab.suite import equal, expect

ADA, GRACE = "10.77.0.2", "10.77.0.4"
TONES = {"ada": 450, "grace": 1000}


class LiveCall:
    """Between Ada (2001) and Grace (2002): sipp at both ends, ears on the wire."""

    def __init__(self, network, server, sipp):
        self.wire, self.server, self.sipp = network, server, sipp
        self.account = {"ada": server.account("Ada", "2001"), "grace": server.account("Grace", "2002")}
        self.device = {user: server.device(self.account[user], user) for user in TONES}
        sipp.register("ada", ADA)
        sipp.register("grace", GRACE)

    def start(self, reason=None):
        """`reason`: a pattern that the Reason of the BYE must match."""
        tone = {name: self.sipp.tone(name, hertz) for name, hertz in TONES.items()}
        far = Callee("far", "grace").invited().take().play(tone["grace"])
        near = Caller("near", "ada").invite("2002").answered().play(tone["ada"])
        for side in (far, near):
            side.expect("BYE", action=side.require("Reason", reason) if reason else "").respond(200, "OK")
        self._sides = [self.sipp.start(far, GRACE, seconds=150), self.sipp.start(near, ADA, seconds=150)]
        self.call = self.server.the_call()["id"]
        self.begun = time.time()
        self.flowing(50)
        self.begun = time.time()

    def flowing(self, packets, since=None):
        """Waits for so many more packets in each direction."""
        since = since or time.time()
        for host in (ADA, GRACE):
            wait_for(f"sound to {host}", lambda: len(self.wire.stream(to=host, source=IP, since=since)) >= packets)

    def unharmed(self, since=None, until=9e99, least=20):
        """No gap, no step in sequence or time, nobody else's sound, not one SIP message. A word on what was measured."""
        since = since or self.begun
        equal(self.wire.missed(), 0, "packets that these ears were too slow for")
        said = []
        for host, heard in ((GRACE, "ada"), (ADA, "grace")):
            sip = [str(m) for m in self.wire.messages(host, since, until)]
            expect(not sip, f"SIP with {host}: {sip[:5]}")
            packets = self.wire.stream(to=host, source=IP, since=since, until=until)
            longest = check_line(packets, max(60, 25 + self._stall_ms(since, until)), least=least)
            others = [r for r in ears.runs(wire.decode(packets), TONES)[1:-1] if r.what != heard]
            expect(not others, f"{host} heard {', '.join(map(str, others))} instead of {heard}")
            said.append(f"{len(packets)} packets to {host}, longest gap {longest:.0f} ms")
        return "; ".join(said)

    def _stall_ms(self, since, until):
        """The longest that the phones themselves were silent: a shared machine stands still at times."""
        longest = 0.0
        for host in (ADA, GRACE):
            times = [p.at for p in self.wire.stream(to=IP, source=host, since=since, until=until)]
            longest = max([longest] + [1000 * (b - a) for a, b in zip(times, times[1:])])
        return longest

    def end(self):
        self.server.ask("DELETE", f"/calls/{self.call}")
        self.ended()

    def ended(self):
        for side in self._sides:
            side.done()


class Guarded:
    """A suite whose every test ends with the question whether the live call has noticed anything."""

    def __init__(self, suite, live):
        self.suite, self.live = suite, live

    def run(self, title, test):
        def both():
            since = time.time()
            said = test()
            self.live.flowing(5)
            self.live.unharmed(since, time.time(), least=4)
            return said
        return self.suite.run(title, both)
