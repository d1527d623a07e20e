#!/usr/bin/env python3
"""The commands of `segue` as an operator meets them: help, exit codes, and what they say when something is wrong."""
import pathlib
import socket
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from lab.room import Room
from lab.server import IP, Server, program
from lab.suite import Suite, equal, expect


class Commands:
    def __init__(self, room):
        self.room = room

    def segue(self, *words, code=0, out=(), err=()):
        """Runs it; its exit code and what must be in its output."""
        done = subprocess.run([program(), *map(str, words)], capture_output=True, text=True, timeout=10, check=False,
                              cwd=self.room.folder)
        equal(done.returncode, code, f"exit code of segue {' '.join(map(str, words))} ({done.stdout}{done.stderr})")
        for text in out:
            expect(text in done.stdout, f"{text!r} is missing in {done.stdout!r}")
        for text in err:
            expect(text in done.stderr, f"{text!r} is missing in {done.stderr!r}")
        expect("terminate called" not in done.stderr, done.stderr)
        return done

    def file(self, text):
        path = self.room.folder / "some.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def help(self):
        self.segue("--help", out=("serve", "check", "report", "calls", "demo",
                                  "Exit codes: 0 done, 1 the verdict is red, 2 it could not run"))
        self.segue("--version", out=("segue ",))
        for command in ("serve", "check", "report", "calls", "demo"):
            self.segue(command, "--help", out=("Usage:", "xit code"))
        self.segue(code=2, err=("A subcommand is required", "--help"))
        for words in (("nonsense",), ("serve", "nonsense"), ("check",), ("report",), ("calls", "--token")):
            self.segue(*words, code=2, err=("--help",))

    def check(self):
        self.segue("check", self.file("domain = \"a.example\"\n"), out=("is good",))
        for text, says in (("[sip]\nudp = \"5060\"\n", "some.toml, line 2: \"sip.udp\" must be an address and a port"),
                           ("domain = 5\n", "line 1: \"domain\" must be a host name"),
                           ("\n\ncolour = 1\n", "line 3: there is no key \"colour\""),
                           ("[tls]\nkey = 1\n", "line 2: there is no section [tls]"),
                           ("sip = 1\n", "line 1: \"sip\" is a section: [sip]"),
                           ("domain = \"a\n", "some.toml, line 1: "),
                           (b"\xff\xfe\x00", "some.toml, line 1: "),
                           ("[media]\nrtp_first = 3000\nrtp_last = 2000\n", "rtp_first must be below")):
            self.segue("check", self.file(text), code=2, err=(says,))
            self.segue("serve", "-c", self.file(text), code=2, err=(says,))
        both = self.segue("check", self.file("max_calls = 0\n[sip]\nudp = 1\n"), code=2).stderr
        expect("line 1" in both and "line 3" in both, f"not all that is wrong: {both}")
        self.segue("check", "/nowhere", code=2, err=("/nowhere: No such file or directory",))
        self.segue("check", self.room.folder, code=2, err=("Is a directory",))

    def without_a_server(self):
        for words in (("calls",), ("report", "flip_1")):
            self.segue(*words, code=2, err=("no answer from the server at 127.0.0.1:8080: Connection refused", "segue serve"))
        self.segue("calls", "--server", "127.0.0.1:99999", code=2, err=("99999", "is no port"))

    def ports_in_use(self):
        config = f"[sip]\nudp = \"{IP}:5060\"\ntcp = \"{IP}:5060\"\n"
        for kind, listen, says in ((socket.SOCK_DGRAM, (IP, 5060), f"UDP {IP}:5060"),
                                   (socket.SOCK_STREAM, (IP, 5060), f"TCP {IP}:5060"),
                                   (socket.SOCK_STREAM, ("127.0.0.1", 8080), "HTTP on 127.0.0.1:8080")):
            with socket.socket(socket.AF_INET, kind) as holder:
                holder.bind(listen)
                if kind == socket.SOCK_STREAM:
                    holder.listen()
                done = self.segue("serve", "-c", self.file(config), "-d", self.room.folder / "data-x", code=2, err=(says, "in use"))
                equal(len([line for line in done.stderr.splitlines() if line.startswith("segue: ")]), 1, done.stderr)
        other = config.replace(IP, "192.0.2.1")
        self.segue("serve", "-c", self.file(other), "-d", self.room.folder / "data-x", code=2, err=("192.0.2.1:5060", "ssign"))
        return done.stderr.strip().splitlines()[-1]

    def with_a_server(self):
        server = Server(self.room)
        token = server.token
        self.segue("calls", code=2, err=("401", "token"))
        self.segue("calls", "--token", token, out=("There is no live call",))
        self.segue("calls", "--token", "guess", code=2, err=("401",))
        self.segue("report", "flip_1", "--token", token, code=2, err=("404", "flip"))
        self.segue("report", "nonsense", "--token", token, code=2, err=("404",))
        server.stop()


def main():
    with Room() as room:
        tests = Commands(room)
        suite = Suite("commands")
        suite.run("help, and words that are none", tests.help)
        suite.run("check, and serve with a wrong file", tests.check)
        suite.run("calls and report without a server", tests.without_a_server)
        suite.run("serve where a port is in use", tests.ports_in_use)
        suite.run("calls and report with a server", tests.with_a_server)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
