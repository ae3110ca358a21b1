"""A wire between two network namespaces, on which packets can be dropped
without either end being told.

Needs no root where users may make namespaces of their own, as on Debian 12."""

import subprocess

SERVER, VERIFIER = "server", "verifier"
# What each end calls its device, and its addresses on it. Nobody has NOBODY.
HARDWARE = {SERVER: "02:00:00:00:00:01", VERIFIER: "02:00:00:00:00:02"}
NOBODY = "02:00:00:00:00:ff"
ADDRESS = {SERVER: "10.77.0.1", VERIFIER: "10.77.0.2"}
OTHER = {SERVER: VERIFIER, VERIFIER: SERVER}


class NoNamespaces(Exception):
    """This system lets us make none."""


class Wire:

    def __init__(self):
        self._holders = {}  # processes, in which the namespaces live
        self._enter = {}    # what runs a command in there
        try:
            # With users of its own, or, where root alone may, without.
            if not any(self._hold(SERVER, ["unshare", "-n", *own], own)
                       for own in (["-Ur"], [])):
                raise NoNamespaces()
            own = "-U" in self._enter[SERVER]
            if not self._hold(VERIFIER,
                              [*self._enter[SERVER], "unshare", "-n"], own):
                raise NoNamespaces()
            self._lay()
        except Exception:
            self.close()
            raise

    def within(self, end):
        """Returns what to put before a command that is to run at that end."""
        return [*self._enter[end]]

    def drop(self, towards):
        """Loses all packets on their way to these ends, from now on."""
        for end in towards:
            self._say_where(end, NOBODY)

    def mend(self):
        for end in HARDWARE:
            self._say_where(end, HARDWARE[end])

    def close(self):
        """Ends the namespaces, once nobody is left in them."""
        for holder in self._holders.values():
            holder.kill()
            holder.wait()
            holder.stdout.close()

    def _hold(self, end, command, own_users):
        """Makes the namespace of `end`; tells whether it could."""
        holder = subprocess.Popen(
            [*command, "setpriv", "--pdeathsig", "KILL", "sh", "-c",
             "echo there && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if holder.stdout.readline() != b"there\n":
            holder.wait()
            holder.stdout.close()
            return False
        self._holders[end] = holder
        self._enter[end] = ["nsenter", "-t", str(holder.pid), "-n"] + (
            ["-U", "--preserve-credentials"] if own_users else [])
        return True

    def _run(self, end, *command):
        subprocess.run([*self._enter[end], *command], check=True)

    def _lay(self):
        self._run(SERVER, "ip", "link", "add", "wire",
                  "address", HARDWARE[SERVER], "type", "veth",
                  "peer", "name", "wire", "address", HARDWARE[VERIFIER],
                  "netns", str(self._holders[VERIFIER].pid))
        for end, address in ADDRESS.items():
            self._run(end, "ip", "link", "set", "lo", "up")
            self._run(end, "ip", "address", "add", address + "/30", "dev",
                      "wire")
            self._run(end, "ip", "link", "set", "wire", "up")
        self.mend()

    def _say_where(self, end, hardware):
        """Tells the other end to whom to address what is for this one. What is
        addressed to nobody is lost, and no system says so to a program."""
        self._run(OTHER[end], "ip", "neighbour", "replace", ADDRESS[end],
                  "lladdr", hardware, "dev", "wire", "nud", "permanent")
