"""Captures for sipp to replay (play_pcap_audio): RTP that no phone here would send."""
import math
import struct

from lab import codecs

SSRC, PAYLOAD_TYPE = 0x0DD0, 96


def opus_that_ignores_our_profile(path, hertz, talk=((0.0, 1.5), (2.1, 3.5))):
    """Stereo, 60 ms a packet, DTX: a tone in the given seconds, and nothing at all is sent for long between them. Returns path."""
    coder, packets, frame = codecs.OpusEncoder(2, dtx=True), [], 2880
    for n in range(int(talk[-1][1] * 48000 / frame)):
        samples = []
        for i in range(n * frame, (n + 1) * frame):
            loud = any(begin <= i / 48000 < end for begin, end in talk)
            value = round(8000 * math.sin(2 * math.pi * hertz * i / 48000)) if loud else 0
            samples += (value, value)
        payload = coder.encode(samples)
        if len(payload) > 2:  # what is shorter is DTX's way to say that nothing need be sent (RFC 7587 section 3.1.3)
            packets.append((n * 0.06, struct.pack("!BBHII", 0x80, PAYLOAD_TYPE | (0x80 if not packets else 0), len(packets),
                                                  n * frame, SSRC) + payload))
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(
        _record(at, rtp) for at, rtp in packets))
    return path


def _record(at, rtp):
    udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    data = bytes(12) + b"\x08\x00" + ip + udp
    return struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(data), len(data)) + data
