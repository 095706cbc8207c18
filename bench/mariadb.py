# SPDX-License-Identifier: Apache-2.0
"""A real backup: mariabackup to a file, with and without us in the pipe.

A MariaDB server without a network lives in the directory of the run, holds
incompressible rows, and is backed up by one turn after another.
"""
import getpass
import os
import pwd
import shutil
import subprocess
import time

import tools
import turns
from measure import Failed, Line

PROGRAMS = ("mariadbd", "mariadb", "mariadb-admin", "mariadb-install-db",
            "mariabackup")
SERVER_USER = "mysql"
BACKUP = "backup"
ROW = 2048
WAIT = 60

# Milliseconds; mariabackup's own second would be the step of all results.
INTERVAL = 10


class Server:
    """One server, from installing it to stopping it."""

    def __init__(self, bench):
        self.bench = bench
        self.data = f"{bench.work}/db"
        self.socket = f"{bench.work}/db.sock"
        self.process = None

    def __enter__(self):
        self._install()
        try:
            self._start()
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _install(self):
        """The server refuses to be root: then it has a user of its own."""
        as_user = ["runuser", "-u", SERVER_USER, "--"] if _is_root() else []
        for path in (self.data, f"{self.bench.work}/tmp"):
            os.mkdir(path)
            if _is_root():
                shutil.chown(path, SERVER_USER)
        if _is_root():
            shutil.chown(self.bench.work, SERVER_USER)
        self.bench.output(
            as_user + ["mariadb-install-db", "--no-defaults", "--force",
                       f"--datadir={self.data}", "--skip-test-db",
                       "--auth-root-authentication-method=socket"])

    def _start(self):
        user = [f"--user={SERVER_USER}"] if _is_root() else []
        with open(f"{self.bench.work}/db.log", "wb") as log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={self.data}",
                 f"--socket={self.socket}", "--skip-networking",
                 f"--tmpdir={self.bench.work}/tmp", "--skip-log-bin",
                 f"--pid-file={self.bench.work}/db.pid",
                 "--innodb-buffer-pool-size=128M",
                 "--innodb-flush-log-at-trx-commit=0"] + user,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.bench.env)

    def _wait(self):
        end = time.monotonic() + WAIT
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.sql("SELECT 1")
                return
            except Failed:
                time.sleep(0.2)
        raise Failed("the MariaDB server does not start: see db.log")

    def sql(self, statements):
        """The lines of the answer."""
        return self.bench.output(
            ["mariadb", "--no-defaults", "--batch",
             f"--user={getpass.getuser()}", f"--socket={self.socket}",
             f"--execute={statements}"])

    def fill(self, size):
        """Rows of random bytes, which neither a page nor a filter shrinks."""
        row = ", ".join(["RANDOM_BYTES(1024)"] * (ROW // 1024))
        self.sql("CREATE DATABASE bench; CREATE TABLE bench.rows (id INT "
                 "PRIMARY KEY AUTO_INCREMENT, body BLOB) ENGINE=InnoDB;")
        left = max(1, size * 7 // 8 // ROW)
        while left > 0:  # a transaction at a time
            count = min(left, 32768)
            self.sql(f"INSERT INTO bench.rows (body) SELECT CONCAT({row}) "
                     f"FROM bench.seq_1_to_{count};")
            left -= count
        self._settle()

    def _settle(self):
        """Wait until all is in the files: nothing is written meanwhile."""
        self.sql("SET GLOBAL innodb_max_dirty_pages_pct_lwm=0; "
                 "SET GLOBAL innodb_max_dirty_pages_pct=0;")
        end = time.monotonic() + WAIT
        dirty = "SHOW STATUS LIKE 'Innodb_buffer_pool_pages_dirty'"
        while (self.sql(dirty)[-1].split()[-1] != "0"
               and time.monotonic() < end):
            time.sleep(0.2)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def _is_root():
    return os.getuid() == 0


def _missing():
    """Why there can be no server here; None if there can."""
    lost = [program for program in PROGRAMS if not shutil.which(program)]
    if lost:
        return f"{', '.join(lost)} not installed"
    if _is_root():
        try:
            pwd.getpwnam(SERVER_USER)
        except KeyError:
            return f"there is no user {SERVER_USER}"
    return None


def _ways(bench):
    ours = {f"ours-j{threads}": tools.ours(bench.build, "auto", threads)
            for threads in (1, 2)}
    age = {name: tool for name, tool in tools.peers().items()
           if name == "age"}
    alone = tools.Tool("`mariabackup` alone", None, None, kind="limit")
    return {"plain": alone, **ours, **age}


def _run_one(bench, server, tool):
    backup = ["mariabackup", "--no-defaults", "--backup", "--stream=xbstream",
              f"--user={getpass.getuser()}", f"--socket={server.socket}",
              f"--datadir={server.data}",
              f"--target-dir={bench.work}/tmp",
              f"--log-copy-interval={INTERVAL}"]
    filters = [tool.seal(None, None)] if tool.seal else []
    sample = bench.runner.run(Line([backup] + filters, stdout=BACKUP))
    path = f"{bench.work}/{BACKUP}"
    sample["bytes"] = os.path.getsize(path)
    os.unlink(path)
    return {"encrypt": sample}


def group(bench):
    reason = _missing()
    if reason is None and bench.quick:
        reason = "left out of a quick run"
    if reason is not None:
        return reason
    title = "mariabackup --stream=xbstream to a file"
    ways = _ways(bench)
    turns.say(f"{title}: filling the database")
    with Server(bench) as server:
        server.fill(bench.size)
        samples = turns.take(
            list(ways), bench.turns,
            lambda name, turn: _run_one(bench, server, ways[name]), title)
    shutil.rmtree(server.data)
    return {
        "title": title,
        "bytes": samples["plain"]["encrypt"][0]["bytes"],
        "reference": "plain",
        "ways": {name: {"title": tool.title, "kind": tool.kind,
                        "samples": samples[name]}
                 for name, tool in ways.items()},
    }
