"""A process that has stopped answering ends itself, for its supervisor to start
it anew. Some of its threads are held by ptrace; the others go on."""

import ctypes
import os
import unittest

import harness

SEIZE, INTERRUPT = 0x4206, 0x4207  # of ptrace
WAIT_ALL = 0x40000000  # __WALL: for threads as well
EXIT_STUCK = 70

libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace of %d" % thread)


def threads_of(process, names):
    """Returns the ids of the threads of `process` that have one of `names`."""
    folder = "/proc/%d/task" % process.pid
    found = []
    for thread in os.listdir(folder):
        with open(os.path.join(folder, thread, "comm")) as name:
            if name.read().strip() in names:
                found.append(int(thread))
    return found


def hold(threads):
    """Stops `threads`, which go on only to end."""
    for thread in threads:
        ptrace(SEIZE, thread)
        ptrace(INTERRUPT, thread)
        os.waitpid(thread, WAIT_ALL)


def wait_for_end(process, held):
    """Returns the exit code of a process of which threads are held."""
    for thread in held:  # a held thread's end is its tracer's to take note of
        os.waitpid(thread, WAIT_ALL)
    return process.wait()


class Stuck(unittest.TestCase):

    def test_a_process_that_answers_nothing_ends_and_has_lost_nothing(self):
        # Who takes connections; and who reads and answers calls.
        stuck = [self.start_and_hold({"acceptor"}),
                 self.start_and_hold({"nexting_thread", "event_engine",
                                      "default-executo", "resolver-execut",
                                      "timer_manager"})]
        for daemon, credential, held in stuck:
            self.assertEqual(wait_for_end(daemon.process, held), EXIT_STUCK,
                             daemon.log())
            self.assertIn("watchdog: no answer in_a_row=6", daemon.log())
            daemon.kill()
            daemon.start()  # as its supervisor does
            self.assertTrue(daemon.validate(credential).active)

    def start_and_hold(self, names):
        """Returns a server whose threads of `names` are held, a credential of
        its, and which threads those are."""
        daemon = harness.Daemon().start()
        self.addCleanup(daemon.close)
        password = daemon.create_account("alice")
        credential = daemon.login("alice", password).credential
        held = threads_of(daemon.process, names)
        self.assertTrue(held, names)
        hold(held)
        return daemon, credential, held


if __name__ == "__main__":
    unittest.main()
