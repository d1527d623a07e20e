#!/usr/bin/env python3
"""CPU time of a call's signalling: Segue beside Debian's Kamailio as a stateful proxy, in the same run, interleaved.

Segue does a back-to-back user agent's work (both legs, digest, RTP and RTCP ports of both legs taken and given back, a call
record written); Kamailio relays, with and without asking for a digest, and once more with its dialog module. sipp is caller and callee. No media flows.
The server is on core 0, both sipps on core 1; times are the kernel's account of all its threads or processes.

  signalling_bench.py            everything, about 7 minutes; --quick: a few seconds, for the tests
"""
import argparse
import concurrent.futures
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/interop"))

from lab.room import Room, wait_for  # noqa: E402
from lab.server import IP, Server  # noqa: E402
from lab.sipp import Callee, Caller, Sipp, sdp  # noqa: E402

CALLER, CALLEE, MOBILE = "10.77.0.2", "10.77.0.4", "10.77.0.3"
SERVER_CORE, LOAD_CORE = 0, max(os.sched_getaffinity(0))
HERE = pathlib.Path(__file__).resolve().parent


def cpu_seconds(pids):
    """User and system time so far of all threads of these processes (nanosecond account of the scheduler)."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def children_of(pid):
    found = [pid]
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += children_of(int(child))
    return found


def plain_sdp():
    """Without sipp's own RTP sockets: the load must stay cheaper than what is measured."""
    return sdp().replace("[rtpstream_audio_port]", "[media_port]")


def caller(digest):
    call = Caller("caller", "ada", to="2002")
    if digest:
        call.invite("2002", plain_sdp())
    else:
        call.request("INVITE", plain_sdp(), in_dialog=False)
    return call.answered().bye()


def callee():
    return Callee("callee", "grace").invited().ring().take(plain_sdp()).gets_bye()


class Segue:
    digest = True

    def __init__(self, room):
        self.room, self.server = room, Server(room, log_level="warning", cpu=SERVER_CORE)
        self.sipp = Sipp(room)
        self.ada = self.server.account("Ada", "2001")
        self.server.device(self.ada, "ada")
        self.mobile = self.server.device(self.ada, "mobile", proof_by_answer=True)
        self.server.device(self.server.account("Grace", "2002"), "grace")
        for user, host in (("grace", CALLEE), ("mobile", MOBILE)):
            self.sipp.register(user, host)

    def pids(self):
        return [self.server.process.pid]

    def end(self):
        self.server.idle()
        self.server.stop()


class Kamailio:
    def __init__(self, room, digest, dialog=False):
        self.room, self.digest = room, digest
        self.sipp = Sipp(room)
        command = ["kamailio", "-DD", "-E", "-f", str(HERE / "kamailio.cfg"), "-m", "256", "-M", "16", "-w", str(room.folder),
                   "-Y", str(room.folder), "-P", str(room.folder / "kamailio.pid")]
        command += (["-A", "WITH_AUTH"] if digest else []) + (["-A", "WITH_DIALOG"] if dialog else [])
        self.process = room.start("kamailio", command, cpu=SERVER_CORE)
        time.sleep(0.5)
        wait_for("Kamailio's workers", lambda: len(self.pids()) > 2)
        time.sleep(0.5)

    def pids(self):
        return children_of(self.process.pid)

    def end(self):
        self.room.end(self.process, 5)


def run_calls(server, calls, rate, seconds=60):
    """Returns CPU microseconds a call and the share of a core in use; raises if any call fails or was sent twice."""
    waiting = server.sipp.start(callee(), CALLEE, calls=calls, seconds=seconds, cpu=LOAD_CORE, trace=False)
    time.sleep(0.3)
    before, begun = cpu_seconds(server.pids()), time.monotonic()
    calling = server.sipp.start(caller(server.digest), CALLER, calls=calls, seconds=seconds, cpu=LOAD_CORE, trace=False,
                                extra=("-r", str(rate), "-trace_stat", "-stf", f"stat-{time.monotonic_ns()}.csv", "-fd", "1"))
    calling.done()
    waiting.done()
    time.sleep(0.2)  # the record is written behind the call
    used, took = cpu_seconds(server.pids()) - before, time.monotonic() - begun
    return used / calls * 1e6, used / took, retransmissions(server.room.folder)


def retransmissions(folder):
    """Of the newest statistics file."""
    newest = max(folder.glob("stat-*.csv"), key=lambda p: p.stat().st_mtime_ns)
    lines = newest.read_text().strip().splitlines()
    values = dict(zip(lines[0].split(";"), lines[-1].split(";")))
    return int(values["Retransmissions(C)"])


def in_turn(servers, rounds, calls, rate):
    """One at a time, round after round, so that what the machine does besides falls on all alike."""
    figures = {name: [] for name, _ in servers}
    for _ in range(rounds):
        for name, make in servers:
            with Fresh(make) as server:
                run_calls(server, max(20, calls // 10), rate)  # warm
                figures[name].append(run_calls(server, calls, rate)[0])
    return figures


class Fresh:
    """A server for a while, then its end: its address is needed by the next."""

    def __init__(self, make):
        self.make = make

    def __enter__(self):
        self.server = self.make()
        return self.server

    def __exit__(self, *error):
        if error[0] is None:
            self.server.end()


def clean_maximum(server, rates, seconds):
    """The highest rate of calls on one core at which no call fails and nothing is sent twice, with two tries each: the
    machine does other things too. (0, 0) if there is none."""
    run_calls(server, 200, 200)
    best = (0, 0)
    for rate in rates:
        share = next((busy for _ in range(2) if (busy := clean_share(server, rate, seconds))), None)
        if share is None:
            break
        best = rate, share
    return best


def clean_share(server, rate, seconds):
    """The share of the core in use; None if the run was not clean."""
    try:
        _, busy, again = run_calls(server, rate * seconds, rate, 30 + seconds)
    except (AssertionError, subprocess.TimeoutExpired):
        server.sipp.end_all()
        time.sleep(2)
        return None
    return None if again else busy


def flips(server, count):
    """`count` calls at once, each flipped once by REST to a device whose proof is its answer. CPU a flip; flips a second of
    one core at that cost, and as they came."""
    far = server.sipp.start(callee(), CALLEE, calls=count, seconds=60, cpu=LOAD_CORE, trace=False)
    target = server.sipp.start(Callee("target", "mobile").invited().ring().take(plain_sdp()).gets_bye(), MOBILE, calls=count,
                               seconds=60, cpu=LOAD_CORE, trace=False)
    desk = Caller("desk", "ada", to="2002").invite("2002", plain_sdp()).answered().expect("BYE").respond(200, "OK")
    a = server.sipp.start(desk, CALLER, calls=count, seconds=60, cpu=LOAD_CORE, trace=False, extra=("-r", "200"))
    ids = wait_for("all calls to talk", lambda: talking(server.server, count), 30, 0.2)
    before, begun = cpu_seconds(server.pids()), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda call: server.server.flip(call, server.ada, server.mobile), ids))
    a.done()  # every A has got its BYE
    took = time.monotonic() - begun
    time.sleep(1.5)  # the reports
    used = cpu_seconds(server.pids()) - before
    done = sum(server.server.flip_record(flip)["outcome"] == "done" for flip in asked)
    server.server.hang_up_all()
    far.done()
    target.done()
    if done != count:
        raise AssertionError(f"{done} of {count} flips were done")
    return used / count * 1e6, count / took


def talking(server, count):
    ids = [c["id"] for c in server.calls() if c["state"] == "talking"]
    return ids if len(ids) == count else None


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="tiny, to see that it still runs")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--calls", type=int, default=2000)
    arguments.add_argument("--rate", type=int, default=400, help="calls a second")
    arguments.add_argument("--no-maximum", action="store_true")
    options = arguments.parse_args()
    if options.quick:
        options.rounds, options.calls, options.rate, options.no_maximum = 1, 60, 60, True
    with Room() as room:
        servers = [("Segue, digest", lambda: Segue(room)), ("Kamailio, digest", lambda: Kamailio(room, True)),
                   ("Kamailio, no digest", lambda: Kamailio(room, False)),
                   ("Kamailio, digest and dialogs", lambda: Kamailio(room, True, dialog=True))]
        figures = in_turn(servers, options.rounds, options.calls, options.rate)
        segue = statistics.median(figures["Segue, digest"])
        rows = [("server", "CPU a call, µs (median)", "least to most", "Segue / it", "calls a second of one core at that cost")]
        for name, values in figures.items():
            median = statistics.median(values)
            rows.append((name, f"{median:.0f}", f"{min(values):.0f} to {max(values):.0f}", f"{segue / median:.2f}",
                         f"{1e6 / median:.0f}"))
        table(rows)
        if not options.no_maximum:
            rows = [("server", "clean maximum, calls a second on one core", "of the core")]
            for name, make in servers:
                with Fresh(make) as server:
                    best, share = clean_maximum(server, (400, 700, 1000, 1300, 1600, 2000, 2500, 3000), 4)
                    rows.append((name, best, f"{share:.0%}"))
            print()
            table(rows)
        with Fresh(lambda: Segue(room)) as server:
            cost, pace = flips(server, 20 if options.quick else 300)
        print(f"\nflips by REST, {cost:.0f} µs of CPU each with their reports: {1e6 / cost:.0f} a second of one core; "
              f"{pace:.0f} a second as they were asked for here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
