"""The promise of a flip, checked from outside: what the far party was sent, what it recorded, what the server reports."""
import collections
import math
import time

from lab import codecs, ears
from lab.room import wait_for
from lab.server import SERVER, broken_lines
from lab.suite import NotJudged, equal, expect

HALF_FRAME_MS = 10.0
COMFORT_NOISE = 13


def check_line(packets, gap_ms_max=60, kind=codecs.G711, least=20):
    """One SSRC, one sequence, one timeline, no slot missing. Returns the longest gap in ms. Its limit is wide: these are
    real phones on a shared machine; the server's own report holds the narrow one beside what the sources caused."""
    expect(len(packets) >= least, f"the far party was sent {len(packets)} packets only")
    equal(len({p.ssrc for p in packets}), 1, "SSRCs towards the far party")
    equal(len({p.source for p in packets}), 1, "addresses that sent to the far party")
    expect(len({p.payload_type for p in packets}) == 1,
           f"payload types towards the far party: {sorted({p.payload_type for p in packets})}")
    longest = 0
    for a, b in zip(packets, packets[1:]):
        equal((b.sequence - a.sequence) % 65536, 1, f"step in sequence numbers after {a.sequence}")
        equal((b.timestamp - a.timestamp) % (1 << 32), kind.frame, f"step in timestamps after sequence {a.sequence}")
        longest = max(longest, (b.at - a.at) * 1000)
    expect(longest <= gap_ms_max, f"{longest:.0f} ms between two packets")
    return longest


class FlipWatch:
    """From the moment it is made until seen(): the far party's stream and its SIP."""

    def __init__(self, network, far_host, kind=codecs.G711):
        self.network, self.far, self.kind, self.begun = network, far_host, kind, time.time()

    def wait_packets(self, count):
        """Until the far party has been sent so many packets since the watch began."""
        wait_for(f"{count} packets to {self.far}", lambda: len(self.network.stream(to=self.far, since=self.begun)) >= count)

    def audio_to_far(self, since=None, until=9e99):
        return self._audio(self.network.stream(to=self.far, source=SERVER, since=since or self.begun, until=until))

    def audio_of(self, phone, since=None):
        """What a phone has sent to the server."""
        return self._audio(self.network.stream(to=SERVER, source=phone, since=self.begun if since is None else since))

    @staticmethod
    def _audio(packets):
        return [p for p in packets if p.payload_type != COMFORT_NOISE and not p.is_event]

    def sip_of_flip(self):
        return [str(m) for m in self.network.messages(self.far, self.begun)]

    def seen(self, before, after, tones, withheld=False):
        """Checks SIP, packets and sound since the start. `withheld`: a code's digits were cut out of the sound."""
        equal(self.network.missed(), 0, "packets that these ears were too slow for")
        said = self.sip_of_flip()
        expect(not said, f"SIP with the far party during the flip: {said}")
        audio = self.audio_to_far()
        longest = check_line(audio, max(60, 45 + self.network.stood_still_ms(self.begun)), self.kind)
        complaints, _ = ears.check_flip(codecs.decode(audio, self.kind), before, after, tones, withheld, self.kind is codecs.G711)
        expect(not complaints, "on the wire to the far party: " + "; ".join(complaints))
        return f"gap {longest:.0f} ms, 0 SIP"


def check_recording(samples, order, tones, withheld=False, smooth=True):
    """What the far party recorded of a whole call: the tones in this order. The first and last 100 ms are the call's own.
    `smooth`: the splices are faded (G.711)."""
    samples = samples[800:-800]
    sound = [r for r in ears.runs(samples, tones) if r.what in tones]
    joined = [r.what for i, r in enumerate(sound) if i == 0 or sound[i - 1].what != r.what]
    expect(joined == list(order), f"the far party recorded {ears.describe(samples, tones)}; expected {', then '.join(order)}")
    lines = []
    for before, after in zip(order, order[1:]):
        at = next(i for i, r in enumerate(sound[1:], 1) if sound[i - 1].what == before and r.what == after)
        start, end = max(0, sound[at - 1].end - 3200), min(len(samples), sound[at].start + 3200)
        complaints, line = ears.check_flip(samples[start:end], before, after, tones, withheld, smooth)
        expect(not complaints, "the far party recorded: " + "; ".join(complaints))
        lines.append(line)
        sound = sound[at:]
    return "; ".join(lines)


def own_lateness_ms(sent, left, kind=codecs.G711, since=0.0):
    """How much later than the packet that put a phone on the line its mean packet came from `since` on, and for how long the
    server held one at most. The slots of a splice are chosen by the proving packet's time; what the phone does to its own
    rhythm after it is the phone's. Read off the capture packet by packet. `sent`: of the phone to the server; `left`: to the
    far party in the same time."""
    following, votes = iter(sent), collections.Counter()
    newest, ahead = None, next(following, None)
    for p in left:
        while ahead and ahead.at <= p.at:
            newest, ahead = ahead, next(following, None)
        if newest and p.at - newest.at < 0.015:
            votes[(p.sequence - newest.sequence) % 65536] += 1
    expect(votes, "none of the phone's packets was seen to leave for the far party")
    offset = votes.most_common(1)[0][0]
    departures = {p.sequence: p.at for p in left}
    heard = [p for p in sent if abs(departures.get((p.sequence + offset) % 65536, math.inf) - p.at) < 0.1]
    first = sent.index(heard[0])
    measured = [p for p in heard[1:] if p.at >= since] or heard[-1:]

    def lateness(proving):
        def late(p):
            return p.at - proving.at - ((p.timestamp - proving.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)) / kind.clock
        return 1000 * sum(map(late, measured)) / len(measured)
    held = max(1000 * (departures[(p.sequence + offset) % 65536] - p.at) for p in measured)
    # The packet that proves is the first that is heard or, where its slot was taken, the one before it.
    return max(map(lateness, sent[max(0, first - 1):first + 1])), held


def phones_lateness_ms(watch):
    """own_lateness_ms of the worst of the phones that were heard by the far party in a watch."""
    worst = [0.0, 0.0]
    for host in {p.source[0] for p in watch.network.stream(to=SERVER, since=watch.begun)} - {watch.far}:
        sent = watch.audio_of(host, since=0)
        sent = [p for p in sent if p.ssrc == sent[-1].ssrc]  # of its present call
        left = watch.audio_to_far(since=sent[0].at, until=sent[-1].at + 0.015)
        worst = list(map(max, worst, own_lateness_ms(sent, left, watch.kind, watch.begun)))
    return worst


def check_report(server, flip, watch, outcome="done"):
    """The server's report keeps every line. Where it says that a packet was late by a phone's doing, the capture of what
    the phones sent must say so too."""
    record = server.flip_outcome(flip)
    equal(record["outcome"], outcome, f"outcome of {flip}")
    open_lines = [line for line in record["report"]["lines"] if not line["kept"]]
    if all(line["kept"] is None for line in open_lines) and any("not judged" in line["note"] for line in open_lines):
        raise NotJudged("this machine kept the server waiting for more than a frame")
    expect(record["report"]["kept"], "the server's report is red: " + "; ".join(broken_lines(record)))
    late = next(line["number"] for line in record["report"]["lines"] if line["key"] == "lateness")
    if late and late > HALF_FRAME_MS:
        own, held = phones_lateness_ms(watch)
        expect(late <= HALF_FRAME_MS + own + held + 0.5,
               f"{late:.1f} ms late, of which the capture shows {own:.1f} ms to be the phones' and {held:.1f} ms the server's")
    return record
