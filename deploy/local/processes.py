"""Processes on this machine, told apart by pid and start time, so that a number that was given out again fools nobody.

Standard library only. A process started here either dies with the script that started it (tests) or is detached from
it and outlives it (./dev up); the latter is found again by the two numbers.
"""
import os
import pathlib
import queue
import select
import shutil
import signal
import subprocess
import threading
import time


def poll(look, limit, every=0.05):
    """Calls look() until it says something true, `limit` seconds at most; its last answer."""
    until = time.monotonic() + limit
    while True:
        found = look()
        if found or time.monotonic() > until:
            return found
        select.select([], [], [], every)


def _stat(pid):
    """(state, parent's pid, start time in ticks since boot) of a process, None if there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2:].split()  # the name before it may hold anything
    return fields[0], int(fields[1]), int(fields[19])


def _threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _thread_states(pid):
    stats = [_stat(f"{pid}/task/{thread}") for thread in _threads(pid)]
    return [stat[0] for stat in stats if stat]


def tree(root):
    """The pids of a process and all that descend from it, parents first."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            children.setdefault(stat[1], []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def boot():
    """Names this run of the machine."""
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def clean_environment():
    """Ours without settings of whoever runs the script."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WATCHBELL_")}


def with_variable(name, value):
    """The processes that were started with this variable in their environment, as far as we may look."""
    wanted, found = f"{name}={value}".encode(), []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and wanted in pathlib.Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                found.append(Process(int(entry)))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return found


def in_folder(folder):
    """The processes whose current folder is this one, as far as we may look."""
    wanted, found = os.stat(folder), []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.path.samestat(os.stat(f"/proc/{entry}/cwd"), wanted):
                found.append(Process(int(entry)))
        except OSError:
            pass
    return found


class Process:
    """One process that was started, here or by an earlier script. Not thread-safe."""

    def __init__(self, pid, started=None, child=None):
        self.pid = pid
        self._child = child  # the Popen, if it is a child of this very script: it has to be reaped
        self.started = started or (_stat(pid) or (None, None, 0))[2]

    def alive(self):
        if self._child is not None:
            return self._child.poll() is None
        stat = _stat(self.pid)
        if stat is None or stat[2] != self.started:
            return False
        return stat[0] not in "ZX" or len(_threads(self.pid)) > 1  # the first thread may be gone before the others

    def status(self):
        """The exit status of a child that has ended, negative for a signal; None of one that has not, or is no child."""
        return self._child.poll() if self._child is not None else None

    def send(self, number):
        """A signal to the process, if it still is the one."""
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, limit):
        """Whether it ends within `limit` seconds."""
        return poll(lambda: not self.alive(), limit, 0.02)

    def _stopped(self):
        """Whether no thread of it can go on. SIGSTOP works once some thread is scheduled and takes it: the others run on
        until then, for a good while on a busy machine."""
        return not self.alive() or all(state in "tTZX" for state in _thread_states(self.pid))

    def _stop(self, limit):
        """SIGSTOP to it and all that descend from it: these processes, parents first, and whether all are stopped."""
        found, seen, stopped = [], set(), True
        while new := [Process(pid) for pid in tree(self.pid) if pid not in seen]:
            for process in new:  # again until there are no new ones: a child forked before it was stopped
                process.send(signal.SIGSTOP)
                seen.add(process.pid)
            stopped = all([poll(process._stopped, limit, 0.001) for process in new]) and stopped
            found += new
        return found, stopped

    def freeze(self, limit=30):
        """SIGSTOP to it and all that descend from it; waits until they stand still."""
        if self.alive() and not self._stop(limit)[1]:
            raise TimeoutError(f"process {self.pid} does not stop after SIGSTOP")

    def thaw(self):
        if self.alive():
            for pid in reversed(tree(self.pid)):
                Process(pid).send(signal.SIGCONT)

    def kill(self, limit=30):
        """kill -9 of it and all that descend from it; waits until they are gone."""
        everything = self._stop(1)[0] if self.alive() else []  # none is started meanwhile
        for process in everything:
            process.send(signal.SIGKILL)
        if not all([process.wait(limit) for process in everything]):
            raise TimeoutError(f"process {self.pid} does not end after kill -9")


class _Spawner(threading.Thread):
    """Starts all children from one thread that lives as long as the script.

    The kernel's "kill me when my parent dies" means the parent's thread; a test that restarts a server from a thread
    of its own would otherwise take the server with it.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self._asked = queue.SimpleQueue()
        self.start()

    def run(self):
        while True:
            arguments, answer = self._asked.get()
            try:
                answer.put((subprocess.Popen(**arguments), None))
            except Exception as error:  # the asker's to handle
                answer.put((None, error))

    def spawn(self, arguments):
        answer = queue.SimpleQueue()
        self._asked.put((arguments, answer))
        child, error = answer.get()
        if error is not None:
            raise error
        return child


_spawner = None


def spawn(argv, log, environment=None, user=None, keep_open=(), detached=False):
    """Starts a process in a session of its own, its output appended to the file `log`.

    `user`: whose rights it gets, if we are root. `keep_open`: file descriptors it inherits. `detached`: it outlives us.
    """
    global _spawner
    prefix = []
    if user is not None and os.getuid() == 0:
        prefix += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    if not detached:
        prefix += ["--pdeathsig=KILL"]
    if prefix:
        prefix = [shutil.which("setpriv") or "/usr/bin/setpriv", *prefix, "--"]
    _spawner = _spawner or _Spawner()
    pathlib.Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        child = _spawner.spawn(dict(args=[*prefix, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, env=environment, cwd="/", pass_fds=keep_open,
                                    start_new_session=True))
    return Process(child.pid, child=child)


def tail(log, lines=30):
    """The end of a log, for a message."""
    try:
        return "\n".join(pathlib.Path(log).read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
