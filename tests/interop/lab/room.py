"""A private network and the processes in it.

baresip and linphone will not take loopback addresses for media, so each test program moves itself into a network
namespace of its own whose loopback carries 10.77.0.x and fd77::x. The namespace has no name and goes away with its last process,
even if the test is killed. Children die with us (PR_SET_PDEATHSIG) and are ended by their own process id, never by name.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET, _PR_SET_PDEATHSIG = 0x00020000, 0x10000000, 0x40000000, 1


def _enter_network():
    flags, uid, gid = _CLONE_NEWNET | _CLONE_NEWNS, os.getuid(), os.getgid()
    if uid != 0:  # an ordinary user may have a network of his own inside a user namespace of his own
        flags |= _CLONE_NEWUSER
    if _libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a namespace for network and mounts (unshare)")
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)  # what disk() mounts is seen by us alone
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for host in range(1, 21):
        subprocess.run(["ip", "addr", "add", f"10.77.0.{host}/32", "dev", "lo"], check=True)
        # The kernel lists IPv6 addresses newest first, and a phone's media takes the first.
        subprocess.run(["ip", "addr", "add", f"fd77::{21 - host}/128", "dev", "lo", "nodad"], check=True)
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)  # linphone looks for one


class Room:
    """`with Room() as room:` must come before any thread is started."""

    def __enter__(self):
        _enter_network()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="segue-interop-"))
        self._children, self._disks = [], []
        return self

    def __exit__(self, *_):
        for child in reversed(self._children):
            self.end(child)
        if os.environ.get("SEGUE_KEEP"):
            print(f"logs are kept in {self.folder}")
        else:
            for folder in self._disks:
                subprocess.run(["umount", str(folder)], check=False)
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, stdin=None, cpu=None, env=None):
        def prepare():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})

        if shutil.which(command[0]) is None:
            raise FileNotFoundError(f"{command[0]} is not installed; scripts/install test brings it")
        with open(self.folder / f"{name}.log", "ab") as log:
            child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=stdin or subprocess.DEVNULL,
                                     cwd=self.folder, preexec_fn=prepare, env={**os.environ, **(env or {})})
        self._children.append(child)
        return child

    def disk(self, name, kilobytes):
        """A folder that is a disk of its own, of this size. It goes away with the namespace."""
        folder = self.folder / name
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "segue-test", str(folder)], check=True)
        self._disks.append(folder)
        return folder

    def read_only(self, folder, yes=True):
        subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", str(folder)], check=True)

    def end(self, child, patience=0.5):
        """SIGTERM, then SIGKILL: baresip waits half a minute for a server that has gone."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def wait_for(what, seen, seconds=5.0, every=0.02):
    """The first true value of `seen()`; these are real programs, so there is something to wait for."""
    end = time.monotonic() + seconds
    while True:
        value = seen()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(every)
