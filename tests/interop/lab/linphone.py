"""linphone-daemon 5.1 without sound cards: plays a WAV into its calls, answers by hand or always.

What had to be learnt: it never registers without its folder under HOME; it wants a default route; it asks DNS about a domain
unless its account has a route; it binds to any address unless told. call-stats ends the daemon, so what it got is read from
the RTCP reports it sends. The library notes Call-Info's answer-after (its log says so) and leaves it to the application
to answer; none of Debian's linphone programs does, so the test does.
"""
import os
import re
import socket
import time

from lab import ears
from lab.room import wait_for
from lab.server import DOMAIN, IP

_CONFIG = """
[sip]
sip_port={port}
sip_tcp_port=-1
sip_tls_port=-1
bind_address={host}
register_only_when_network_is_up=0
use_ipv6=0
incoming_calls_early_media=0
default_proxy=0
[rtp]
bind_address={host}
audio_rtp_port={rtp}
[net]
firewall_policy=none
[sound]
echocancellation=0
agc=0
[misc]
uuid=00000000-0000-4000-8000-{rtp:012d}
[proxy_0]
reg_proxy=<sip:{server};transport=udp>
reg_route=<sip:{server};transport=udp;lr>
reg_identity=sip:{user}@{domain}
reg_expires=300
reg_sendregister=1
[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
"""


class Linphone:
    def __init__(self, room, wire, user, host, hertz, codec=("PCMA/8000/1",), auto_answer=False, password="secret-word"):
        self.room, self.wire, self.user, self.host = room, wire, user, host
        rtp = 7000 + 10 * int(host.rsplit(".", 1)[1])
        wire.home(host, rtp, rtp + 9)
        self.folder = room.folder / f"linphone-{user}"
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        config = self.folder / "linphonerc"
        config.write_text(_CONFIG.format(port=5060, host=host, rtp=rtp, server=IP, domain=DOMAIN, user=user, password=password))
        self._wav = self.folder / "tone.wav"
        ears.write_tone(self._wav, hertz, 60)
        pipe = f"segue-{os.getpid()}-{user}"
        command = ["linphone-daemon", "--pipe", pipe, "--config", str(config), "--disable-stats-events", "--log",
                   str(self.folder / "linphone.log")]
        self._process = room.start(f"linphone-{user}", command + (["--auto-answer"] if auto_answer else []),
                                   env={"HOME": str(self.folder)})
        self._pipe = wait_for(f"linphone {user}", lambda: self._connect(f"/tmp/{pipe}"), 10)
        self.only(*codec)

    def only(self, *codecs):
        """Does these codecs from now on and no others."""
        self.ask("audio-codec-disable ALL")
        for codec in codecs:
            self.ask(f"audio-codec-enable {codec}")

    def _connect(self, path):
        if self._process.poll() is not None:
            raise AssertionError(f"linphone {self.user} ended: {self.room.log('linphone-' + self.user)[-400:]}")
        pipe = socket.socket(socket.AF_UNIX)
        try:
            pipe.connect(path)
        except OSError:
            pipe.close()
            return None
        pipe.settimeout(5)
        return pipe

    def ask(self, command, must=True):
        """The daemon's answer; its end is known by silence, as it marks none."""
        self._pipe.sendall((command + "\n").encode())
        text = self._pipe.recv(65536).decode()
        self._pipe.settimeout(0.03)
        try:
            while more := self._pipe.recv(65536).decode():
                text += more
        except TimeoutError:
            pass
        self._pipe.settimeout(5)
        if must and "Status: Ok" not in text:
            raise AssertionError(f"linphone {self.user}: {command}: {text.strip()}")
        return text

    # ---- calls
    def _call_id(self, states):
        text = self.ask("call-status", must=False)
        found = re.search(r"^Id: (\d+)", text, re.M)
        return (found[1] if found else "") if any(s in text for s in states) else None

    def state(self):
        found = re.search(r"State: Linphone(?:Call)?(\w+)", self.ask("call-status", must=False))
        return found[1] if found else "none"

    def wait_state(self, state, seconds=6):
        wait_for(f"linphone {self.user} to be {state} (is {self.state()})", lambda: state in self.state(), seconds, 0.05)

    def dial(self, number):
        text = self.ask(f"call sip:{number}@{DOMAIN}")
        return re.search(r"Id: (\d+)", text)[1]

    def speak(self):
        """Plays its tone into the call it is in."""
        self.wait_state("StreamsRunning")
        self.ask(f"incall-player-start {self._wav}")

    def answer(self):
        self.wait_state("IncomingReceived")
        self.ask("answer")

    def hang_up(self):
        self.ask("terminate")

    def keys(self, digits):
        for digit in digits:
            begun = time.time()
            self.ask(f"dtmf {digit}")
            wait_for(f"the end of {self.user}'s digit {digit}", lambda: self.wire.digit_ends(self.host, begun))

    def asked_to_answer(self):
        """The library has understood the caller's wish for an automatic answer."""
        return "asked to automatically answer" in (self.folder / "linphone.log").read_text(errors="replace")

    def clean(self):
        self.ask("terminate", must=False)

    def end(self):
        self.room.end(self._process)
