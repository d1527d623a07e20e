"""The server under test, as a person runs it: `segue serve` with a file and a folder, and its REST interface."""
import http.client
import json
import os
import pathlib
import re

from lab.room import wait_for

IP, IP6 = SERVER = "10.77.0.1", "fd77::1"
DOMAIN = "segue.local"

_CONFIG = """
domain = "{domain}"
log_level = "{log_level}"
[sip]
udp = ["{ip}:5060", "[{ip6}]:5060"]
tcp = ["{ip}:5060", "[{ip6}]:5060"]
register_min = {register_min}
session_expires = 1800
[http]
listen = "127.0.0.1:8080"
[flip]
ring_time = 5
grace_time = 10
[calls]
answer_time = 20
{more}"""


def program():
    """The built `segue`: SEGUE names it, as ctest does; else the usual build folder's."""
    root = pathlib.Path(__file__).resolve().parents[3]
    return os.environ.get("SEGUE", str(root / "build/dev/segue"))


class Problem(AssertionError):
    """An RFC 9457 answer."""


class Server:
    def __init__(self, room, log_level="debug", cpu=None, data=None, register_min=60, more=""):
        """`data`: its folder; a fresh one by default. `more`: sections for the end of its file."""
        self.room, self._cpu = room, cpu
        self.data = data or room.folder / f"data-{len(list(room.folder.glob('data-*')))}"
        (room.folder / "segue.toml").write_text(_CONFIG.format(ip=IP, ip6=IP6, domain=DOMAIN, log_level=log_level,
                                                               register_min=register_min, more=more))
        self._staying = (0, 0)
        self.start()

    def start(self):
        self.token = ""
        self.process = self.room.start(
            "segue", [program(), "serve", "-c", str(self.room.folder / "segue.toml"), "-d", str(self.data)], cpu=self._cpu)
        wait_for("the server", self._up, 10)
        self.token = (self.data / "admin.token").read_text().strip()

    def _up(self):
        if self.process.poll() is not None:
            raise AssertionError("segue serve ended: " + self.room.log("segue"))
        try:
            self.ask("GET", "/health")
        except OSError:
            return False
        return True

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, "/v1" + path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status >= 400:
            raise Problem(f"{method} {path}: {response.status} {text}")
        return json.loads(text) if text else None

    # ---- what tests say
    def account(self, name, number=None):
        account = self.ask("POST", "/accounts", {"name": name})
        if number:
            self.ask("POST", "/numbers", {"account": account["id"], "digits": number})
        return account["id"]

    def device(self, account, username, password="secret-word", **more):
        wanted = {"username": username, "password": password, "name": username, **more}
        return self.ask("POST", f"/accounts/{account}/devices", wanted)["id"]

    def wait_registered(self, *devices):
        wait_for("all phones to register", lambda: all(map(self.registered, devices)), 10, 0.05)

    def registered(self, device):
        return self.ask("GET", f"/devices/{device}")["registered"]

    def calls(self):
        return self.ask("GET", "/calls")["items"]

    def the_call(self, state="talking", seconds=5):
        return wait_for(f"one {state} call", lambda: next((c for c in self.calls() if c["state"] == state), None), seconds)

    def flip(self, call, account, device="all", mode="ring"):
        return self.ask("POST", f"/calls/{call}/flips", {"device": device, "account": account, "mode": mode})["id"]

    def flip_record(self, flip):
        return self.ask("GET", f"/flips/{flip}")

    def flip_outcome(self, flip, seconds=15):
        """The flip's record when it has ended and its report is in."""
        return wait_for(f"the report of {flip}", lambda: self._reported(flip), seconds, 0.1)

    def _reported(self, flip):
        record = self.flip_record(flip)
        return record if record["outcome"] and record["report"] else None

    def hang_up_all(self):
        """After a failed test."""
        for call in self.calls():
            self.ask("DELETE", f"/calls/{call['id']}")
        self.no_long_call()

    def record(self, call, seconds=5):
        def stored():
            try:
                found = self.ask("GET", f"/records/{call}")
            except Problem:
                return None
            return found if found["state"] == "ended" else None
        return wait_for(f"the record of {call}", stored, seconds)

    def idle(self, seconds=6):
        """All calls over, all ports back (but for calls that long_call() said will stay)."""
        return wait_for("the server to be idle", lambda: self._in_use() == self._staying, seconds, 0.1)

    def long_call(self):
        """The calls of now run beside the tests that follow."""
        self._staying = self._in_use()

    def no_long_call(self):
        self._staying = (0, 0)

    def _in_use(self):
        health = self.ask("GET", "/health")
        return health["calls"], health["rtp_ports"]["used"]

    def stop(self):
        self.room.end(self.process, 5)

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def log_lines(self, pattern):
        return [line for line in self.room.log("segue").splitlines() if re.search(pattern, line)]


def broken_lines(record):
    """What a flip report did not keep, for people."""
    report = record["report"]
    return [f'{line["title"]}: {line["value"]} ({line["limit"]}) {line["note"]}'.strip()
            for line in report["lines"] if line["kept"] is False] or ([] if report["kept"] else ["not all lines were measured"])
