"""Ears on the wire: every packet on the private loopback, with the kernel's time. Outside of the server and of the phones.

SIP is kept as messages, RTP as packets; both can be asked for by address. G.711 is decoded here, so that what a phone was
sent can be listened to even where the phone cannot record.
"""
import dataclasses
import re
import socket
import struct
import threading

from lab.server import SERVER

_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 3, 0x0800, 0x86DD


@dataclasses.dataclass
class Sip:
    at: float
    source: tuple
    to: tuple
    text: str

    @property
    def first(self):
        return self.text.split("\r\n", 1)[0]

    @property
    def is_request(self):
        return not self.text.startswith("SIP/2.0")

    def header(self, name):
        found = re.search(rf"^{name}\s*:\s*(.*?)\r?$", self.text, re.M | re.I)
        return found[1] if found else ""

    def __str__(self):
        method = "" if self.is_request else f"  ({self.header('CSeq')})"
        return f"{self.source[0]}:{self.source[1]} > {self.to[0]}:{self.to[1]}  {self.first}{method}"


@dataclasses.dataclass
class Rtp:
    at: float
    source: tuple
    to: tuple
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @property
    def is_event(self):
        """A telephone event (RFC 4733): whatever its number, no audio here is so short."""
        return self.payload_type >= 96 and len(self.payload) == 4


class Wire:
    def __init__(self):
        self.sip, self.rtp, self.rtcp, self._homes = [], [], [], []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)  # SO_RCVBUF stops at the system's limit
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", _ETH_P_ALL))
        threading.Thread(target=self._listen, daemon=True).start()

    def home(self, host, first, last):
        """A phone's media ports. Phones that bind to any address send from the server's (on a loopback everybody has all
        addresses), so ports tell who it is."""
        self._homes.append((host, first, last))

    def _named(self, address, port):
        for host, first, last in self._homes:
            if first <= port <= last:
                return host, port
        return address, port

    def _listen(self):
        while True:
            data, ancillary, _, address = self._socket.recvmsg(65536, 64)
            if address[2] == socket.PACKET_OUTGOING or address[1] not in (_ETH_P_IP, _ETH_P_IPV6):
                continue  # loopback shows each packet on its way out and on its way in
            at = 0.0
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    at = seconds + nanoseconds / 1e9
            self._packet(at, data, address[1] == _ETH_P_IPV6)

    def _packet(self, at, data, v6):
        if v6:
            head, protocol, ends = 40, data[6], (data[8:24], data[24:40])
        else:
            head, protocol, ends = (data[0] & 15) * 4, data[9], (data[12:16], data[16:20])
        source, to = (socket.inet_ntop(socket.AF_INET6 if v6 else socket.AF_INET, end) for end in ends)
        ports = struct.unpack("!HH", data[head:head + 4])
        source, to = self._named(source, ports[0]), self._named(to, ports[1])
        if protocol == socket.IPPROTO_UDP:
            payload = data[head + 8:]
        elif protocol == socket.IPPROTO_TCP:
            payload = data[head + (data[head + 12] >> 4) * 4:]
        else:
            return
        if len(payload) >= 12 and payload[0] >> 6 == 2 and protocol == socket.IPPROTO_UDP:
            if 200 <= payload[1] <= 207:
                self.rtcp.append((at, source, to, payload))
            else:
                self.rtp.append(_rtp(at, source, to, payload))
        elif b"SIP/2.0" in payload:
            self.sip.append(Sip(at, source, to, payload.decode(errors="replace")))

    # ---- questions
    def messages(self, address=None, since=0.0, until=9e99):
        """SIP to or from an IP address or an (address, port)."""
        def is_of(end):
            return address is None or address == end or address == end[0]
        return [m for m in list(self.sip) if since <= m.at <= until and (is_of(m.source) or is_of(m.to))]

    def requests(self, method, to=None, source=None, since=0.0):
        return [m for m in list(self.sip) if m.at >= since and m.text.startswith(method + " ")
                and (to is None or m.to[0] == to) and (source is None or m.source[0] == source)]

    def stream(self, to=None, source=None, since=0.0, until=9e99):
        """RTP from one address to another, each of which may be a tuple of addresses, in order of arrival."""
        def is_of(end, wanted):
            return wanted is None or end[0] == wanted or (isinstance(wanted, tuple) and end[0] in wanted)
        return [p for p in list(self.rtp) if since <= p.at <= until and is_of(p.to, to) and is_of(p.source, source)]

    def digit_ends(self, source, since=0.0):
        """The last three packets of a telephone event (RFC 4733 section 2.5.1.4) that a phone has sent."""
        ends = [p for p in self.stream(source=source, since=since) if p.is_event and p.payload[1] & 0x80]
        return ends if len(ends) >= 3 else []

    def loss_reported(self, source, since=0.0):
        """Cumulative losses in the RTCP report blocks (RFC 3550 section 6.4) that a phone has sent about what it got."""
        return [lost for at, (host, _), _, data in list(self.rtcp) if host == source and at >= since for lost in _losses(data)]

    def reports(self, of, since=0.0):
        """(source, destination) of each RTCP packet from or to an address."""
        return [(source, to) for at, source, to, _ in list(self.rtcp) if at >= since and of in (source[0], to[0])]

    def stood_still_ms(self, since=0.0):
        """The longest that any phone was late with a packet of a running stream, against the time that its own timestamps
        say. A shared machine stands still at times, and all phones with it; the server's own packets are not looked at."""
        streams, longest = {}, 0.0
        for p in self.stream(to=SERVER, since=since):
            before = streams.get((p.source, p.ssrc))
            if before and not p.is_event and not before.is_event and (p.sequence - before.sequence) % 65536 == 1:
                clock = 8000 if p.payload_type < 96 else 48000
                longest = max(longest, p.at - before.at - ((p.timestamp - before.timestamp) % (1 << 32)) / clock)
            streams[p.source, p.ssrc] = p
        return 1000 * longest

    def missed(self):
        """Packets since the last question that came faster than they were taken: they are no one's loss."""
        return struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]

    def ladder(self, last=40):
        return "\n".join(f"    {m.at % 1000:8.3f} {m}" for m in list(self.sip)[-last:])


def _rtp(at, source, to, data):
    first, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
    start = 12 + 4 * (first & 15)
    if first & 16 and len(data) >= start + 4:
        start += 4 + 4 * struct.unpack("!H", data[start + 2:start + 4])[0]
    end = len(data) - (data[-1] if first & 32 else 0)
    return Rtp(at, source, to, second & 127, bool(second & 128), sequence, timestamp, ssrc, data[start:end])


def _losses(data):
    while len(data) >= 8:
        count, kind, length = data[0] & 31, data[1], 4 * (struct.unpack("!H", data[2:4])[0] + 1)
        first = {200: 28, 201: 8}.get(kind, length)
        for at in range(first, min(first + 24 * count, length, len(data) - 23), 24):
            lost = int.from_bytes(data[at + 5:at + 8], "big")
            yield lost - (1 << 24) if lost & 1 << 23 else lost
        data = data[length:]


# ---- G.711 (ITU-T G.711, tables 1 and 2)
def _alaw(byte):
    byte ^= 0x55
    exponent, mantissa = (byte >> 4) & 7, byte & 15
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if byte & 0x80 else -value


def _ulaw(byte):
    byte = ~byte & 0xFF
    value = (((byte & 15) << 3) + 0x84 << ((byte >> 4) & 7)) - 0x84
    return -value if byte & 0x80 else value


_DECODE = {8: [_alaw(b) for b in range(256)], 0: [_ulaw(b) for b in range(256)]}
_ALAW_BYTES = sorted((value, byte) for byte, value in enumerate(_DECODE[8]))


def alaw_bytes(samples):
    """The nearest A-law byte of each sample."""
    import bisect
    values = [value for value, _ in _ALAW_BYTES]
    encoded = bytearray()
    for sample in samples:
        at = min(bisect.bisect_left(values, sample), 255)
        if at and sample - values[at - 1] < values[at] - sample:
            at -= 1
        encoded.append(_ALAW_BYTES[at][1])
    return bytes(encoded)


def decode(packets):
    """What a perfect jitter buffer would play of one G.711 stream: samples by timestamp, 0 where nothing was sent."""
    audio = [p for p in packets if p.payload_type in _DECODE]
    if not audio:
        return []
    start = audio[0].timestamp
    samples = []
    for p in audio:
        at = (p.timestamp - start + (1 << 31)) % (1 << 32) - (1 << 31)
        if at < 0 or at > 8000 * 600:
            continue
        if at > len(samples):
            samples.extend([0] * (at - len(samples)))
        table = _DECODE[p.payload_type]
        samples[at:at + len(p.payload)] = [table[b] for b in p.payload]
    return samples
