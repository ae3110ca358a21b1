"""kill -9 at random moments: what was acknowledged is there afterwards.

A driver in a process of its own writes logins and logouts and notes each
answer; the server is killed, started again, and compared with the notes:
  - a login that was answered, and whose logout was not begun, is active
  - a logout that was answered is final
  - a call that was not answered may or may not have happened; if its logout
    was begun, either answer is right

usage: kill_test.py [--kills N] [--seed N] [--roll_back]
The defaults are 20 and a random one, which is printed. With --roll_back every
start is from the state before the first login: that must be noticed.
"""

import argparse
import json
import os
import random
import secrets
import select
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e"))

import grpc  # noqa: E402
import harness  # noqa: E402
from harness import JWT, OPAQUE, auth_pb2  # noqa: E402

DRIVER_THREADS = 8
# A kill comes this long after the first acknowledgement of a round.
MOST_SECONDS_TO_KILL = 0.3


def drive(address, account, password, seed):
    """The driver: writes a line per event to standard output, before a logout
    is begun and after each answer, until the server is gone."""
    stubs = harness.Stubs(address)
    lock = threading.Lock()

    def note(*event):
        with lock:
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()

    def work(number):
        choice = random.Random("%d/%d" % (seed, number))
        alive = []
        while True:
            if alive and choice.random() < 0.45:
                credential = alive.pop(choice.randrange(len(alive)))
                note("ending", credential)
                stubs.auth.Logout(auth_pb2.LogoutRequest(
                    credential=credential), timeout=60)
                note("ended", credential)
                continue
            form = JWT if choice.random() < 0.3 else OPAQUE
            login = stubs.auth.Login(auth_pb2.LoginRequest(
                account=account, password=password, credential_format=form),
                timeout=60)
            note("opened", login.credential)
            alive.append(login.credential)

    def work_until_killed(number):
        try:
            work(number)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                note("failed", str(error.code()), error.details())

    threads = [threading.Thread(target=work_until_killed, args=(number,))
               for number in range(DRIVER_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_round(daemon, account, password, choice):
    """Drives, kills, and returns the driver's events."""
    driver = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--drive", daemon.address,
         account, str(choice.randrange(2**32))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    driver.stdin.write(password.encode())
    driver.stdin.close()
    first = driver.stdout.readline()
    # Not a wait for something to happen: the moment is what is random.
    select.select([], [], [], choice.uniform(0, MOST_SECONDS_TO_KILL))
    daemon.kill()
    rest = driver.stdout.read()
    assert driver.wait() == 0, "the driver failed"
    driver.stdout.close()
    return [json.loads(line) for line in (first + rest).splitlines()]


def compare(daemon, state):
    """Returns what the server answers otherwise than the notes say."""
    wrong = []
    for credential, noted in state.items():
        active = daemon.validate(credential, passive=True).active
        if noted == "opened" and not active:
            wrong.append("a login that was answered is gone")
        elif noted == "ended" and active:
            wrong.append("a logout that was answered is undone")
        elif noted == "ending":
            # Either is right, but it must stay so.
            state[credential] = "opened" if active else "ended"
    return wrong


def run(kills, seed, roll_back):
    choice = random.Random(seed)
    # Nothing may end by time: a long run must not blame the crash for it. And
    # a login is to cost next to nothing but its write.
    daemon = harness.Daemon([
        "--session_ttl", "48h", "--session_idle_ttl", "48h", "--jwt_life",
        "24h", "--hash_memory_kib", "8",
        # Its many logins at once, right after a start, are no attack.
        "--login_guard", "false"]).start()
    password = daemon.create_account("alice", secrets.token_hex(16))
    before = daemon.data_dir + ".before"
    if roll_back:
        daemon.stop()
        shutil.copytree(daemon.data_dir, before)
        daemon.start()
    state = {}
    counts = {"opened": 0, "ending": 0, "ended": 0}
    begin = time.monotonic()
    for number in range(1, kills + 1):
        for kind, credential, *more in run_round(daemon, "alice", password,
                                                 choice):
            assert kind != "failed", "a call failed: %s %s" % (credential,
                                                               more)
            daemon.secrets.credential(credential)
            state[credential] = kind
            counts[kind] += 1
        if roll_back:
            shutil.rmtree(daemon.data_dir)
            shutil.copytree(before, daemon.data_dir)
        daemon.start()
        wrong = compare(daemon, state)
        if roll_back:
            daemon.close()
            print("rolled back: %d found wrong" % len(wrong))
            return 0 if wrong else 1
        if wrong:
            daemon.kill()
            print("after kill %d of seed %d: %d wrong of %d, e.g. %s" %
                  (number, seed, len(wrong), len(state), wrong[0]))
            return 1
        # What has ended was checked once more than it had to be; what is
        # alive is carried on, within reason.
        state = dict(list(state.items())[-2000:])
    print("%d kills, seed %d: %d logins and %d logouts acknowledged, %d "
          "logouts cut off, all as acknowledged, %.0f s" %
          (kills, seed, counts["opened"], counts["ended"],
           counts["ending"] - counts["ended"], time.monotonic() - begin),
          flush=True)
    # Last, since it looks for every credential of the run in log and disk.
    daemon.close()
    assert counts["opened"] >= kills, "the driver did next to nothing"
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--roll_back", action="store_true")
    parser.add_argument("--drive", nargs=3, metavar=("ADDRESS", "ACCOUNT",
                                                     "SEED"),
                        help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        address, account, seed = arguments.drive
        drive(address, account, sys.stdin.read(), int(seed))
        return 0
    print("seed %d" % arguments.seed, flush=True)
    return run(arguments.kills, arguments.seed, arguments.roll_back)


if __name__ == "__main__":
    sys.exit(main())
