"""Wideband codecs for the ears: Opus by libopus and G.722 by spandsp, the libraries that Debian has; 8 kHz samples out.

G.711 is decoded in wire.py, by tables of our own. A jitter buffer is not modelled: samples stand where their timestamps say,
0 where nothing was sent.
"""
import array
import ctypes
import ctypes.util
import dataclasses

from lab import ears, wire


@dataclasses.dataclass(frozen=True)
class Kind:
    """A codec as the tests speak of it. `clock`: of the RTP timestamp. `baresip`, `linphone`: how those name it."""
    name: str
    clock: int
    baresip: str
    linphone: str

    @property
    def frame(self):
        """Ticks of 20 ms."""
        return self.clock // 50


OPUS = Kind("opus", 48000, "opus/48000/2", "opus/48000/2")
G722 = Kind("G722", 8000, "G722/16000/1", "G722/8000/1")
G711 = Kind("PCMA", 8000, "pcma", "PCMA/8000/1")


def decode(packets, kind):
    """`packets`: audio of one stream in order of arrival."""
    if kind is G711:
        return wire.decode(packets)
    if not packets:
        return []
    decoder = _Opus() if kind is OPUS else _G722()
    samples, start, per_sample = [], packets[0].timestamp, kind.clock // 8000
    for p in packets:
        at = ((p.timestamp - start + (1 << 31)) % (1 << 32) - (1 << 31)) // per_sample
        heard = decoder.decode(p.payload)
        if at < 0 or at > 8000 * 600:
            continue
        if at > len(samples):
            samples.extend([0] * (at - len(samples)))
        samples[at:at + len(heard)] = heard
    return samples


class G722Encoder:
    """Of samples at 16 kHz."""

    def __init__(self):
        self._library = _library("spandsp")
        self._library.g722_encode_init.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._library.g722_encode_init(None, 64000, 0))

    def encode(self, samples):
        room = ctypes.create_string_buffer(len(samples))
        count = self._library.g722_encode(self._state, room, (ctypes.c_int16 * len(samples))(*samples), len(samples))
        return room.raw[:count]

    def __del__(self):
        self._library.g722_encode_free(self._state)


def opus_ticks(payload):
    """At 48 kHz, of what an Opus packet contains."""
    return _library("opus").opus_packet_get_nb_samples(payload, len(payload), 48000)


class _Opus:
    def __init__(self):
        self._library, error = _library("opus"), ctypes.c_int()
        self._library.opus_decoder_create.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._library.opus_decoder_create(8000, 1, ctypes.byref(error)))
        self._room = (ctypes.c_int16 * 960)()  # 120 ms

    def decode(self, payload):
        count = self._library.opus_decode(self._state, payload, len(payload), self._room, 960, 0)
        if count < 0:
            raise AssertionError(f"libopus refuses a packet of {len(payload)} bytes: {payload[:8].hex()}")
        return self._room[:count]

    def __del__(self):
        self._library.opus_decoder_destroy(self._state)


class _G722:
    def __init__(self):
        self._library = _library("spandsp")
        self._library.g722_decode_init.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._library.g722_decode_init(None, 64000, 0))

    def decode(self, payload):
        room = (ctypes.c_int16 * (2 * len(payload)))()
        count = self._library.g722_decode(self._state, room, payload, len(payload))
        return ears.at_8_khz(room[:count], 1, 16000)

    def __del__(self):
        self._library.g722_decode_free(self._state)


class OpusEncoder:
    """Of samples at 48 kHz, interleaved if `channels` is 2: for senders that no phone here can be."""
    _SET_DTX, _SET_BITRATE, _SET_FORCE_CHANNELS, _VOIP = 4016, 4002, 4022, 2048

    def __init__(self, channels, dtx=False, bitrate=32000):
        self._library, error, self.channels = _library("opus"), ctypes.c_int(), channels
        self._library.opus_encoder_create.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._library.opus_encoder_create(48000, channels, self._VOIP, ctypes.byref(error)))
        for request, value in ((self._SET_DTX, int(dtx)), (self._SET_BITRATE, bitrate), (self._SET_FORCE_CHANNELS, channels)):
            if self._library.opus_encoder_ctl(self._state, request, value) != 0:
                raise AssertionError(f"libopus refuses setting {request}")

    def encode(self, samples):
        data = array.array("h", samples)
        room = ctypes.create_string_buffer(1500)
        count = self._library.opus_encode(self._state, (ctypes.c_int16 * len(data)).from_buffer(data),
                                          len(data) // self.channels, room, 1500)
        return room.raw[:count]

    def __del__(self):
        self._library.opus_encoder_destroy(self._state)


def keys(samples):
    """The keys whose tones are heard, by spandsp's detector; `samples` at 8 kHz."""
    library, heard = _library("spandsp"), ctypes.create_string_buffer(128)
    library.dtmf_rx_init.restype = ctypes.c_void_p
    ear = ctypes.c_void_p(library.dtmf_rx_init(None, None, None))
    library.dtmf_rx(ear, (ctypes.c_int16 * len(samples))(*samples), len(samples))
    library.dtmf_rx_get(ear, heard, 127)
    library.dtmf_rx_free(ear)
    return heard.value.decode()


def _library(name):
    found = ctypes.util.find_library(name)
    if found is None:
        raise FileNotFoundError(f"lib{name} is not installed; scripts/install brings it")
    return ctypes.CDLL(found)
