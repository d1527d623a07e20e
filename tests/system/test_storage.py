#!/usr/bin/env python3
"""The disk is full, read-only or damaged. A full one: calls go on, what is to be written waits, nothing of it is lost."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from lab import wire
from lab.room import Room, wait_for
from lab.server import Problem, Server, program
from lab.sipp import Sipp
from lab.suite import Suite, equal, expect
from live import Guarded, LiveCall
from rawsip import RawSip, sdp

EVE = "10.77.0.5"


class Storage:
    def __init__(self, room):
        self.room, self.disk = room, room.disk("disk", 3000)
        self.wire, self.server, self.sipp = wire.Wire(), Server(room, log_level="info", data=self.disk / "data"), Sipp(room)
        self.live = LiveCall(self.wire, self.server, self.sipp)
        eve = self.server.account("Eve", "2003")
        self.phones = [self.server.device(eve, f"eve-{n}") for n in range(40)]
        self.live.start()

    def fill(self):
        with open(self.disk / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        return os.statvfs(self.disk).f_bavail

    def refused_call(self):
        """A call that ends at once leaves a record. Its id, newest first among those that are kept."""
        phone = RawSip(EVE, "eve-0")
        equal(phone.ask("INVITE", to="9999", body=sdp(EVE, 7000)).status, 404, "a call to nowhere")
        phone.close()

    def becomes_full(self):
        equal(self.fill(), 0, "blocks that are left")
        self.registered, self.calls, answers = 0, 1, []  # the live one is the first
        for n in range(40):  # what the write-ahead log has room for already still gets through
            phone = RawSip(EVE, f"eve-{n}")
            equal(phone.ask("REGISTER", to=phone.user).status, 200, "REGISTER while the disk is full")
            self.registered += 1
            self.refused_call()
            self.calls += 1
            if self.server.log_lines("store: cannot write"):
                break
        line = wait_for("the log line", lambda: self.server.log_lines("store: cannot write"))[-1]
        expect("full" in line and "wait in memory, calls go on" in line, line)
        health = self.server.ask("GET", "/health")
        equal(health["status"], "degraded", "health")
        for _ in range(200):
            try:
                self.server.account("One more")
                answers.append(201)
            except Problem as problem:
                answers.append(str(problem))
                break
        expect("503" in str(answers[-1]) and "full" in str(answers[-1]), f"administrative writes: {answers[-1]}")
        wait_for("its log line", lambda: self.server.log_lines("REST: POST /v1/accounts from .*: 503 .*full"))
        expect(self.server.ask("GET", "/accounts")["items"], "reading must still work")
        return f"after {self.registered} registrations; REST: {answers[-1]}; health: {health['store']}"

    def goes_on(self):
        before = self.server.ask("GET", "/health")
        for _ in range(3):
            self.refused_call()
            self.calls += 1
            call = f"call_{self.calls}"
            equal(self.server.ask("GET", f"/records/{call}")["cause"], "unknown_number", f"{call}, which waits in memory")
        listed = self._listed()
        expect(self.calls not in listed, f"{call} is on the full disk: {listed}")
        return f"{self.calls - 1 - len(listed)} records wait and can be read; {before['store']}"

    def has_room_again(self):
        (self.disk / "filler").unlink()
        wait_for("the log line", lambda: self.server.log_lines("store: writing again"), 5)
        wait_for("the records on disk", lambda: self._listed() == list(range(2, self.calls + 1)), 5)
        equal(self.server.ask("GET", "/health")["status"], "ok", "health")
        self.server.account("One more")
        return f"records 2 to {self.calls} are listed"

    def _listed(self):
        return sorted(int(r["id"].split("_")[1]) for r in self.server.ask("GET", "/records?limit=200")["items"])

    def whole_call(self):
        said = self.live.unharmed(until=time.time())
        self.live.end()
        wait_for("its record on disk", lambda: self._listed() == list(range(1, self.calls + 1)))
        return said

    def survives(self):
        """What waited is on the disk: a server that starts on it has it all."""
        self.server.kill()
        self.server.start()
        equal(self._listed(), list(range(1, self.calls + 1)), "records after a restart")
        for device in self.phones[:self.registered]:
            expect(self.server.registered(device), f"{device} is not registered after a restart")
        return f"{self.calls} records, {self.registered} registrations"

    # ---- starts that cannot be
    def refuses(self, data, *words):
        done = subprocess.run([program(), "serve", "-c", str(self.room.folder / "segue.toml"), "-d", str(data)],
                              capture_output=True, text=True, timeout=10, check=False)
        equal(done.returncode, 2, f"exit code ({done.stderr})")
        last = done.stderr.strip().splitlines()[-1]
        expect(last.startswith("segue: ") and all(word in last for word in words), last)
        return last

    def second_server(self):
        return self.refuses(self.server.data, str(self.server.data), "is open in another process")

    def stops_while_full(self):
        """What cannot be written at the end is lost; the log says how much, and the end is not held up."""
        self.fill()
        before = len(self.server.log_lines("store: cannot write"))
        for _ in range(60):
            self.refused_call()
            if len(self.server.log_lines("store: cannot write")) > before:
                break
        begun = time.monotonic()
        self.server.process.terminate()
        equal(self.server.process.wait(8), 0, "exit code")
        took = time.monotonic() - begun
        expect(took < 4, f"it took {took:.1f} s")
        return wait_for("the log line", lambda: self.server.log_lines(r"store: \d+ records and registrations are lost: .*full"))[-1]

    def full_at_start(self):
        said = self.refuses(self.disk / "new", "full")
        (self.disk / "filler").unlink()
        return said

    def read_only(self):
        self.room.read_only(self.disk)
        said = self.refuses(self.server.data, "Read-only file system", str(self.server.data))
        self.refuses(self.disk / "another", "cannot make the folder", "Read-only file system")
        self.room.read_only(self.disk, False)
        return said

    def damaged(self):
        said = []
        for name, change, words in (("cut", lambda data: data[:6000], ("segue.db",)),
                                    ("noise", lambda data: b"noise " * 3000, ("segue.db", "not a database")),
                                    ("middle", lambda data: data[:4096 * 3] + b"Z" * 8192 + data[4096 * 5:], ("segue.db",))):
            copy = self.room.folder / name
            shutil.copytree(self.server.data, copy)
            for more in copy.glob("segue.db-*"):
                more.unlink()
            (copy / "segue.db").write_bytes(change((copy / "segue.db").read_bytes()))
            said.append(self.refuses(copy, *words).rsplit("/", 1)[-1])
        return "; ".join(said)


def main():
    with Room() as room:
        tests = Storage(room)
        suite = Suite("storage: full, read-only, damaged", tests.wire)
        guarded = Guarded(suite, tests.live)
        guarded.run("the disk becomes full: calls and registrations go on, REST says 503", tests.becomes_full)
        guarded.run("while it is full: records wait and can be read", tests.goes_on)
        guarded.run("a second server on the same folder is refused", tests.second_server)
        guarded.run("there is room again: what waited is written", tests.has_room_again)
        suite.run("the call, from its first to its last second", tests.whole_call)
        suite.run("nothing of it was lost, says the server after SIGKILL", tests.survives)
        suite.run("SIGTERM while it is full: the log says what is lost", tests.stops_while_full)
        suite.run("start on a full disk: refused", tests.full_at_start)
        suite.run("start on a read-only disk: refused", tests.read_only)
        suite.run("start with a damaged database: refused", tests.damaged)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
