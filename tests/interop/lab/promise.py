"""The promise of a flip, checked from outside: what the far party was sent, what it recorded, what the server reports."""
import time

from lab import ears, wire
from lab.server import IP, broken_lines
from lab.suite import equal, expect

FRAME = 160  # samples: 20 ms of G.711


def check_line(packets, gap_ms_max=60):
    """One SSRC, one sequence, one timeline, no slot missing. Returns the longest gap in ms. Its limit is wide: these are
    real phones on a shared machine; the server's own report holds the narrow one beside what the sources caused."""
    expect(len(packets) > 20, f"the far party was sent {len(packets)} packets only")
    equal(len({p.ssrc for p in packets}), 1, "SSRCs towards the far party")
    equal(len({p.source for p in packets}), 1, "addresses that sent to the far party")
    expect(len({p.payload_type for p in packets if p.payload_type != 101}) == 1,
           f"payload types towards the far party: {sorted({p.payload_type for p in packets})}")
    longest = 0
    for a, b in zip(packets, packets[1:]):
        equal((b.sequence - a.sequence) % 65536, 1, f"step in sequence numbers after {a.sequence}")
        equal((b.timestamp - a.timestamp) % (1 << 32), FRAME, f"step in timestamps after sequence {a.sequence}")
        longest = max(longest, (b.at - a.at) * 1000)
    expect(longest <= gap_ms_max, f"{longest:.0f} ms between two packets")
    return longest


class FlipWatch:
    """From the moment it is made until seen(): the far party's stream and its SIP."""

    def __init__(self, network, far_host):
        self.network, self.far, self.begun = network, far_host, time.time()

    def sip_of_flip(self):
        return [str(m) for m in self.network.messages(self.far, self.begun)]

    def _stall_ms(self):
        """The longest that any phone was silent in mid-stream: a shared machine stands still at times, and all of them with
        it. Streams begin and end in this time; their ends are no gaps."""
        streams = {}
        for p in self.network.stream(to=IP, since=self.begun):
            streams.setdefault((p.source, p.ssrc), []).append(p.at)
        return max((1000 * (b - a) for times in streams.values() for a, b in zip(times, times[1:])), default=0)

    def seen(self, before, after, tones, withheld=False):
        """Checks SIP, packets and sound since the start. `withheld`: a code's digits were cut out of the sound."""
        equal(self.network.missed(), 0, "packets that these ears were too slow for")
        said = self.sip_of_flip()
        expect(not said, f"SIP with the far party during the flip: {said}")
        packets = self.network.stream(to=self.far, source=IP, since=self.begun)
        audio = [p for p in packets if p.payload_type != 13]
        longest = check_line(audio, max(60, 25 + self._stall_ms()))
        complaints, line = ears.check_flip(wire.decode(audio), before, after, tones, withheld)
        expect(not complaints, "on the wire to the far party: " + "; ".join(complaints))
        return f"gap {longest:.0f} ms, 0 SIP"


def check_recording(samples, order, tones, withheld=False):
    """What the far party recorded of a whole call: the tones in this order. The first and last 100 ms are the call's own."""
    samples = samples[800:-800]
    sound = [r for r in ears.runs(samples, tones) if r.what in tones]
    joined = [r.what for i, r in enumerate(sound) if i == 0 or sound[i - 1].what != r.what]
    expect(joined == list(order), f"the far party recorded {ears.describe(samples, tones)}; expected {', then '.join(order)}")
    lines = []
    for before, after in zip(order, order[1:]):
        at = next(i for i, r in enumerate(sound[1:], 1) if sound[i - 1].what == before and r.what == after)
        start, end = max(0, sound[at - 1].end - 3200), min(len(samples), sound[at].start + 3200)
        complaints, line = ears.check_flip(samples[start:end], before, after, tones, withheld)
        expect(not complaints, "the far party recorded: " + "; ".join(complaints))
        lines.append(line)
        sound = sound[at:]
    return "; ".join(lines)


# A phone settles into its rhythm within its first packets, and the slot was chosen by the second of them: some are then up to
# two milliseconds later than half a frame, on the whole. Seen once in a hundred flips, with baresip.
SETTLING_MS = 12.0


def check_report(server, flip, outcome="done"):
    record = server.flip_outcome(flip)
    equal(record["outcome"], outcome, f"outcome of {flip}")
    red = [line for line in record["report"]["lines"] if line["kept"] is False]
    settled = [line["key"] for line in red] == ["lateness"] and red[0]["number"] <= SETTLING_MS
    expect(record["report"]["kept"] or settled, "the server's report is red: " + "; ".join(broken_lines(record)))
    return record
