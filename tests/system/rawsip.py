"""SIP by hand: bytes on a socket, so that they can be wrong; and right where a test needs to get past the digest."""
import hashlib
import itertools
import os
import re
import socket

from lab.server import DOMAIN, IP
from lab.sipp import PASSWORD

_number = itertools.count(1)


def sdp(host, port, payload_types="8 101", extra=""):
    return (f"v=0\r\no=- 7 7 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {payload_types}\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\n{extra}")


class Answer:
    """A message of the server's."""

    def __init__(self, data):
        self.data = data
        head, _, self.body = data.decode(errors="replace").partition("\r\n\r\n")
        self.first, _, self.head = head.partition("\r\n")
        self.status = int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    def header(self, name):
        found = re.search(rf"^{name}: *(.*?)\r?$", self.head, re.M | re.I)
        return found[1] if found else ""

    def __str__(self):
        return self.first


class RawSip:
    """One address that speaks SIP. `send` takes any bytes; `request` makes good ones."""

    def __init__(self, host, user="nobody", tcp=False, port=0, receive_buffer=None):
        self.host, self.user, self.tcp, self._rest = host, user, tcp, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((host, port))
        self.socket.settimeout(3)
        self.socket.connect((IP, 5060))
        self.port = self.socket.getsockname()[1]
        self.address = f"{host}:{self.port}"

    def close(self):
        self.socket.close()

    # ---- bytes
    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def read(self, seconds=3.0):
        """The next message; None if none comes in this time or the server closes."""
        self.socket.settimeout(seconds)
        try:
            if not self.tcp:
                return Answer(self.socket.recv(65536))
            while True:
                message = self._cut()
                if message:
                    return Answer(message)
                data = self.socket.recv(65536)
                if not data:
                    return None
                self._rest += data
        except (TimeoutError, ConnectionError):
            return None

    def _cut(self):
        self._rest = self._rest.lstrip(b"\r\n")
        head, found, rest = self._rest.partition(b"\r\n\r\n")
        if not found:
            return None
        length = int(re.search(rb"^Content-Length: *(\d+)", head, re.M | re.I)[1])
        if len(rest) < length:
            return None
        self._rest = rest[length:]
        return head + found + rest[:length]

    def closed(self, seconds):
        """True once the server has closed the connection."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    # ---- messages
    def new_call(self):
        return {"id": f"raw-{os.getpid()}-{next(_number)}@{self.host}", "from_tag": f"t{next(_number)}", "to_tag": "",
                "cseq": 0, "target": "", "branch": ""}

    def request(self, method, to="2002", headers="", body="", call=None, content_type="application/sdp", length=None,
                cseq=None, target=None, branch=None):
        call = call or self.new_call()
        if cseq is None:
            call["cseq"] += 1
            cseq = call["cseq"]
        call["branch"] = branch or f"z9hG4bK{os.getpid()}x{next(_number)}"
        transport = "TCP" if self.tcp else "UDP"
        uri = target or call["target"] or (f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{to}@{DOMAIN}")
        tag = f";tag={call['to_tag']}" if call["to_tag"] else ""
        return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {self.host}:{self.port};rport;"
                f"branch={call['branch']}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{self.user}@{DOMAIN}>;tag={call['from_tag']}\r\nTo: <sip:{to}@{DOMAIN}>{tag}\r\n"
                f"Call-ID: {call['id']}\r\nCSeq: {cseq} {method}\r\n"
                + (f"Contact: <sip:{self.user}@{self.address}{';transport=tcp' if self.tcp else ''}>\r\n"
                   if "Contact:" not in headers else "")
                + headers + (f"Content-Type: {content_type}\r\n" if body else "")
                + f"Content-Length: {len(body.encode()) if length is None else length}\r\n\r\n{body}")

    def final(self, seconds=5.0):
        """The next final response."""
        while answer := self.read(seconds):
            if answer.status >= 200:
                return answer
        return None

    def ask(self, method, **more):
        """Sends a request with credentials; its final response."""
        return self.challenged(method, **more)[0]

    def challenged(self, method, password=PASSWORD, call=None, headers="", to="2002", **more):
        """Sends a request, answers its challenge. The final response and the call."""
        call = call or self.new_call()
        self.send(self.request(method, call=call, headers=headers, to=to, **more))
        first = self.final()
        if first is None or first.status != 401:
            return first, call
        if method == "INVITE":
            self.send(self.ack(call, to, call["branch"]))
        uri = more.get("target") or (f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{to}@{DOMAIN}")
        self.send(self.request(method, call=call, to=to, headers=headers + self.credentials(first, method, uri, password), **more))
        answer = self.final()
        if answer is not None and method == "INVITE":
            if answer.status < 300:
                call["to_tag"] = re.search(r"tag=([^;\s]+)", answer.header("To"))[1]
                call["target"] = re.search(r"<(.*?)>", answer.header("Contact"))[1]
            self.send(self.ack(call, to, call["branch"] if answer.status >= 300 else None))
        return answer, call

    def ack(self, call, to, branch=None):
        """Of a refusal with the branch of its INVITE (RFC 3261 section 17.1.1.3), of a 2xx with one of its own."""
        return self.request("ACK", call=call, to=to, cseq=call["cseq"], branch=branch)

    def credentials(self, challenge, method, uri, password):
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.header("WWW-Authenticate")))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        cnonce = "0a4f113b"
        digest = md5(":".join((md5(f"{self.user}:{given['realm']}:{password}"), given["nonce"], "00000001", cnonce, "auth",
                               md5(f"{method}:{uri}"))))
        return (f'Authorization: Digest username="{self.user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
                f'uri="{uri}", response="{digest}", algorithm=MD5, cnonce="{cnonce}", qop=auth, nc=00000001\r\n')
