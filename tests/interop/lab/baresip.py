"""baresip 1.0 without a head: speaks a tone, records what it hears, obeys over TCP (ctrl_tcp, JSON in netstrings).

What had to be learnt: ausine wants 48 kHz and two channels; there is no file player, so aubridge swallows the sound and
sndfile writes it; media takes the machine's first address and all of them; no auto-answer header is known, only the account's answermode; TLS takes sip_port + 1.
"""
import json
import re
import socket
import time

from lab import ears
from lab.room import wait_for
from lab.server import DOMAIN, IP, IP6

_CONFIG = """
poll_method             epoll
sip_listen              {literal}:5060
audio_player            aubridge,ear
audio_source            ausine,{hertz}
audio_alert             aubridge,bell
ausrc_srate             48000
ausrc_channels          2
rtp_ports               {rtp_first}-{rtp_last}
rtcp_mux                {mux}
audio_buffer            20-160
snd_path                {folder}
ctrl_tcp_listen         {literal}:4444
module_path             /usr/lib/baresip/modules
module                  opus.so
module                  g722.so
module                  g711.so
module                  ausine.so
module                  aubridge.so
module                  sndfile.so
module_app              account.so
module_app              menu.so
module_app              ctrl_tcp.so
{extra}
"""


class Baresip:
    def __init__(self, room, wire, user, host, hertz, auto_answer=False, codecs="pcma,pcmu", password="secret-word",
                 mux=False, extra="", tcp=False):
        self.room, self.wire, self.user, self.host, self.hertz = room, wire, user, host, hertz
        self.folder = room.folder / f"baresip-{user}"
        self.folder.mkdir()
        v6 = ":" in host
        rtp = 10000 + 100 * int(re.split("[.:]", host)[-1])
        wire.home(host, rtp, rtp + 99)
        (self.folder / "config").write_text(_CONFIG.format(literal=f"[{host}]" if v6 else host, hertz=hertz, folder=self.folder, rtp_first=rtp,
                                                           rtp_last=rtp + 98, mux="yes" if mux else "no", extra=extra))
        (self.folder / "accounts").write_text(
            f"<sip:{user}@{DOMAIN}>;outbound=\"sip:{f'[{IP6}]' if v6 else IP}:5060{';transport=tcp' if tcp else ''}\";auth_user={user};auth_pass={password};regint=300;"
            f"audio_codecs={codecs};answermode={'auto' if auto_answer else 'manual'};medianat=;mediaenc=\n")
        (self.folder / "contacts").write_text("")
        self._process = room.start(f"baresip-{user}", ["baresip", "-6" if v6 else "-4", "-f", str(self.folder), "-s"])
        self.events, self._rest = [], b""
        self._control = wait_for(f"baresip {user}'s control port", self._connect)

    def _connect(self):
        if self._process.poll() is not None:
            raise AssertionError(f"baresip {self.user} ended: {self.room.log('baresip-' + self.user)[-400:]}")
        try:
            control = socket.create_connection((self.host, 4444), 1)
        except OSError:
            return None
        control.setblocking(False)
        return control

    def _read(self):
        try:
            while data := self._control.recv(65536):
                self._rest += data
        except BlockingIOError:
            pass
        while b":" in self._rest:
            length, rest = self._rest.split(b":", 1)
            if len(rest) < int(length) + 1:
                break
            self.events.append(json.loads(rest[:int(length)]))
            self._rest = rest[int(length) + 1:]

    def command(self, name, parameters=""):
        text = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._control.sendall(str(len(text)).encode() + b":" + text + b",")

    def wait_event(self, kind, after=0, seconds=6):
        def seen():
            self._read()
            return next((e for e in self.events[after:] if e.get("type") == kind), None)
        return wait_for(f"baresip {self.user}: {kind} (seen: {[e.get('type') for e in self.events[after:]]})", seen, seconds)

    def mark(self):
        """Events from here on, for wait_event(after=...)."""
        self._read()
        return len(self.events)

    def dial(self, number):
        after = self.mark()
        self.command("dial", f"sip:{number}@{DOMAIN}")
        return after

    def answer(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    def keys(self, digits):
        for digit in digits:
            begun = time.time()
            self.command("sndcode", digit)
            wait_for(f"the end of {self.user}'s digit {digit}", lambda: self.wire.digit_ends(self.host, begun))

    def recording(self):
        """Samples of the newest recording of what it heard; its header is written when the call is over."""
        newest = max(self.folder.glob("dump-*-dec.wav"), key=lambda p: p.stat().st_mtime_ns, default=None)
        if newest is None:
            raise AssertionError(f"baresip {self.user} has recorded nothing")
        return wait_for(f"baresip {self.user} to finish its recording", lambda: ears.read(newest))

    def signal(self, number):
        self._process.send_signal(number)

    def end(self):
        self.room.end(self._process)
