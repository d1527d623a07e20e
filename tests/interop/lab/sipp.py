"""sipp as caller and as callee. Scenarios are written in a few words in the tests and become sipp's XML here, so that
each test reads as the messages it is about; what sipp really was given is in the test's folder (SEGUE_KEEP=1 keeps it).
"""
import itertools
import re

from lab import ears, wire
from lab.server import DOMAIN, IP, IP6

PASSWORD = "secret-word"
_number = itertools.count(1)


def sdp(direction=None, codecs="8 0", hold_address=False, connection="[media_ip]"):
    """An offer or answer as an ordinary phone writes it."""
    address, family = ("0.0.0.0", 4) if hold_address else (connection, "[media_ip_type]")
    lines = ["v=0", "o=- 7 7 IN IP[media_ip_type] [media_ip]", "s=-", f"c=IN IP{family} {address}", "t=0 0",
             f"m=audio [rtpstream_audio_port] RTP/AVP {codecs} 101",
             *(f"a=rtpmap:{number} {name}/8000" for number, name in (("8", "PCMA"), ("0", "PCMU"), ("18", "G729"))
               if number in codecs.split()),
             "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20"]
    return "\n".join(lines + ([f"a={direction}"] if direction else [])) + "\n"


def plain_sdp(number, name, *lines):
    """Of a phone that does one codec only, and no telephone events."""
    return "\n".join(["v=0", "o=- 7 7 IN IP[media_ip_type] [media_ip]", "s=-", "c=IN IP[media_ip_type] [media_ip]", "t=0 0",
                      f"m=audio [media_port] RTP/AVP {number}", f"a=rtpmap:{number} {name}", *lines]) + "\n"


class Scenario:
    """One side of one call. Every method adds to it and returns it."""

    def __init__(self, name, user, transport="udp", to=""):
        self.name, self.user = name, user
        self._transport = f";transport={transport}" if transport != "udp" else ""
        self._parts, self._variables, self._cseq, self._to = [], set(), 0, to

    # ---- words for both sides
    def pause(self, ms):
        self._parts.append(f'<pause milliseconds="{ms}"/>')
        return self

    def play(self, tone_file):
        """Sends a raw A-law file round and round to the address in the last session description."""
        self._parts.append(f'<nop><action><exec rtp_stream="{tone_file},-1,8"/></action></nop>')
        return self

    def replay(self, capture):
        """Sends the RTP of a capture as it stands, from [media_port]."""
        self._parts.append(f'<nop><action><exec play_pcap_audio="{capture}"/></action></nop>')
        return self

    def send(self, text, body="", retransmit=True, content_type="application/sdp"):
        if body:
            text += f"Content-Type: {content_type}\n"
        text += f"Content-Length: {'[len]' if body else '0'}\n\n{body}"
        retrans = ' retrans="500"' if retransmit else ""
        self._parts.append(f"<send{retrans}><![CDATA[\n{text}\n]]></send>")
        return self

    def expect(self, what, optional=False, action="", timeout=None, auth=False, route=False):
        kind = f'response="{what}"' if isinstance(what, int) else f'request="{what}"'
        more = ' optional="true"' if optional else ""
        more += ' auth="true"' if auth else ""
        more += ' rrs="true"' if route else ""
        more += f' timeout="{timeout}"' if timeout else ""
        body = f"><action>{action}</action></recv>" if action else "/>"
        self._parts.append(f"<recv {kind}{more}{body}")
        return self

    def require(self, header, pattern):
        """An action for expect(): the header must match, else the call fails."""
        variable = f"v{len(self._variables)}"
        self._variables.add(variable)
        return f'<ereg regexp="{pattern}" search_in="hdr" header="{header}:" check_it="true" assign_to="{variable}"/>'

    def require_body(self, pattern):
        variable = f"v{len(self._variables)}"
        self._variables.add(variable)
        return f'<ereg regexp="{pattern}" search_in="body" check_it="true" assign_to="{variable}"/>'

    def respond(self, status, reason="x", headers="", body=""):
        """To the request that came last."""
        return self.send(f"SIP/2.0 {status} {reason}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
                         f"Contact: {self._contact()}\n{headers}", body, retransmit=False)

    def _contact(self):
        return f"<sip:{self.user}@[local_ip]:[local_port]{self._transport}>"

    def xml(self):
        names = ",".join(sorted(self._variables))
        reference = f'<Reference variables="{names}"/>' if names else ""
        return (f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{self.name}">\n'
                + "\n".join(self._parts) + f"\n{reference}\n</scenario>\n")


class Caller(Scenario):
    """The side that sends the first request."""

    def request(self, method, body="", headers="", in_dialog=True, target=None, auth=False, cseq=None, via=None,
                retransmit=True, content_type="application/sdp"):
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        uri = target or ("[next_url]" if in_dialog else f"sip:{self._to}@[remote_ip]:[remote_port]")
        lines = [f"{method} {uri} SIP/2.0",
                 via or "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
                 f'From: "{self.user}" <sip:{self.user}@{DOMAIN}>;tag=[pid]a[call_number]',
                 f"To: <sip:{self._to}@{DOMAIN}>" + ("[peer_tag_param]" if in_dialog else ""),
                 "Call-ID: [call_id]", f"CSeq: {cseq} {method}", f"Contact: {self._contact()}", "Max-Forwards: 70"]
        if in_dialog:
            lines.append("[routes]")  # sipp leaves the line out where there is none
        if auth:
            lines.append(f"[authentication username={self.user} password={PASSWORD if auth is True else auth}]")
        return self.send("\n".join(lines) + "\n" + headers, body, retransmit, content_type)

    def ack(self, body=""):
        """Of a 2xx."""
        return self.request("ACK", body, cseq=self._cseq, retransmit=False)

    def ack_refusal(self):
        """Of a 3xx to 6xx: the same branch as the INVITE's."""
        return self.request("ACK", cseq=self._cseq, via="[last_Via:]", retransmit=False,
                            target=f"sip:{self._to}@[remote_ip]:[remote_port]")

    def challenged(self, method, body="", headers="", auth=True):
        """The request, its 401, and the request again with credentials."""
        self.request(method, body, headers, in_dialog=False)
        if method == "INVITE":
            self.expect(100, optional=True)
        self.expect(401, auth=True)
        if method == "INVITE":
            self.ack_refusal()
        return self.request(method, body, headers, in_dialog=False, auth=auth)

    def invite(self, to, body=None, headers=""):
        self._to = to
        return self.challenged("INVITE", sdp() if body is None else body, headers)

    def answered(self, action=""):
        """Up to the ACK of the 200."""
        for status in (100, 180, 183):
            self.expect(status, optional=True)
        return self.expect(200, action=action, route=True).ack()

    def reinvite(self, body, action="", ack_body=""):
        return self.request("INVITE", body).expect(100, optional=True).expect(200, action=action).ack(ack_body)

    def cancel(self):
        """Of the INVITE whose provisional response came last. The 200 of the CANCEL may come after the 487."""
        return self.request("CANCEL", in_dialog=False, cseq=self._cseq, via="[last_Via:]")

    def bye(self):
        return self.request("BYE").expect(200)

    def register(self, expires=300, password=True):
        self._to = self.user
        headers = f"Expires: {expires}\n"
        return self.challenged("REGISTER", headers=headers, auth=password)


class Callee(Scenario):
    """The side that is called."""

    def invited(self):
        keep = "".join(f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>' for name, header in
                       (("via", "Via"), ("from", "From"), ("to", "To"), ("cseq", "CSeq")))
        self._variables |= {"via", "from", "to", "cseq"}
        return self.expect("INVITE", action=keep, route=True)

    def answer(self, status, body="", headers="", retransmit=None):
        """To the INVITE, whatever came since."""
        text = (f"SIP/2.0 {status} {'OK' if status == 200 else 'x'}\nVia:[$via]\nFrom:[$from]\n"
                f"To:[$to];tag=[pid]b[call_number]\nCall-ID: [call_id]\nCSeq:[$cseq]\n[last_Record-Route:]\n"
                f"Contact: {self._contact()}\n{headers}")
        return self.send(text, body, status >= 200 if retransmit is None else retransmit)

    def ring(self):
        return self.answer(180)

    def take(self, body=None):
        """200 and its ACK."""
        return self.answer(200, sdp() if body is None else body).expect("ACK")

    def request(self, method, body="", headers="", content_type="application/sdp"):
        self._cseq += 1
        text = (f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n"
                f"From:[$to];tag=[pid]b[call_number]\nTo:[$from]\nCall-ID: [call_id]\nCSeq: {self._cseq} {method}\n"
                f"Contact: {self._contact()}\nMax-Forwards: 70\n[routes]\n{headers}")
        return self.send(text, body, retransmit=method != "ACK", content_type=content_type)

    def reinvite(self, body, action=""):
        self.request("INVITE", body).expect(100, optional=True).expect(200, action=action)
        self._cseq -= 1
        return self.request("ACK")

    def gets_bye(self, action="", timeout=None):
        return self.expect("BYE", action=action, timeout=timeout).respond(200, "OK")

    def bye(self):
        return self.request("BYE").expect(200)


class Sipp:
    """Runs scenarios; each at an address of its own."""

    def __init__(self, room):
        self.room, self._running = room, []

    def tone(self, name, hertz, seconds=2.0):
        """A raw A-law file that repeats without a seam (whole periods) for Scenario.play()."""
        path = self.room.folder / f"{name}.alaw"
        path.write_bytes(wire.alaw_bytes(ears.tone(hertz, seconds)))
        return path

    def start(self, scenario, host, port=5060, tcp=False, seconds=20, calls=1, cpu=None, trace=True,
              extra=()):
        stem = f"sipp-{next(_number):02d}-{scenario.name}"
        path = self.room.folder / f"{stem}.xml"
        path.write_text(scenario.xml(), encoding="latin-1")
        process = self.room.start(stem, [
            "sipp", f"[{IP6}]:5060" if ":" in host else f"{IP}:5060", "-sf", str(path), "-i", host, "-mi", host, "-p", str(port), "-m", str(calls), "-nostdin",
            "-t", "t1" if tcp else "u1", "-timeout", f"{seconds}s", "-timeout_error", "-mp", str(6000 + 100 * int(re.split("[.:]", host)[-1])),
            "-au", scenario.user, "-ap", PASSWORD, "-trace_err", "-error_file", f"{stem}.err",
            *(("-trace_msg", "-message_file", f"{stem}.msg") if trace else ()), *extra], cpu=cpu)
        self._running.append(process)
        return Running(self.room, process, scenario, stem, seconds)

    def end_all(self):
        """After a failed test."""
        for process in self._running:
            self.room.end(process)
        self._running.clear()

    def run(self, scenario, host, **more):
        return self.start(scenario, host, **more).done()

    def register(self, user, host, **more):
        return self.run(Caller("register", user).register().expect(200), host, **more)


class Running:
    def __init__(self, room, process, scenario, stem, seconds):
        self.room, self.process, self.scenario, self.stem, self.seconds = room, process, scenario, stem, seconds

    def done(self):
        """Waits for the end; raises with what sipp complained about."""
        code = self.process.wait(self.seconds + 10)
        if code != 0:
            raise AssertionError(f"sipp {self.scenario.name} ({self.scenario.user}) failed ({code}): {self._complaint()}")
        return self

    def _complaint(self):
        errors = self.room.folder / f"{self.stem}.err"
        text = errors.read_text(errors="replace") if errors.exists() else ""
        text = text or self.room.log(self.stem)[-600:]
        return " ".join(text.split())[:900]
