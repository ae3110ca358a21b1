"""The systemd units: systemd understands every line of them and rates them as
safe, and the programs understand the settings files beside them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

LATCHKEYD = os.environ["TEST_LATCHKEYD"]
AGENT = os.environ["TEST_LATCHKEY_AGENT"]
PACKAGING = os.path.join(os.environ["TEST_SOURCE"], "tools/packaging")
# systemd's exposure, 0 to 100: what is left is that it has a network, and
# speaks with any address.
MOST_EXPOSURE = 15
SKIPPED = 77  # as CMakeLists.txt says


def run(*command, environment=None):
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=environment)


class Unit:
    """What holds of every unit."""

    NAME = PROGRAM = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="latchkey-unit.")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(PACKAGING, self.NAME + ".service")) as unit:
            self.text = unit.read()
        self.unit = os.path.join(self.folder, self.NAME + ".service")
        # The program as it was built, since none is installed.
        with open(self.unit, "w") as unit:
            unit.write(self.text.replace("/usr/bin/" + self.NAME,
                                         self.PROGRAM))

    def test_systemd_understands_every_line(self):
        verified = run("systemd-analyze", "verify", "--man=no", self.unit)
        self.assertEqual(verified.returncode, 0, verified.stdout)
        # What it does not know it only mentions.
        self.assertNotIn(self.NAME + ".service", verified.stdout)

    def test_little_is_left_open(self):
        rated = run("systemd-analyze", "security", "--offline=true",
                    "--threshold=%d" % MOST_EXPOSURE, self.unit)
        self.assertEqual(rated.returncode, 0, rated.stdout)

    def test_a_worse_unit_would_be_noticed(self):
        with open(self.unit, "a") as unit:
            unit.write("\n[Service]\nNoNewPrivileges=no\n"
                       "CapabilityBoundingSet=CAP_SYS_ADMIN\nNoSuchLine=1\n")
        rated = run("systemd-analyze", "security", "--offline=true",
                    "--threshold=%d" % MOST_EXPOSURE, self.unit)
        self.assertNotEqual(rated.returncode, 0, rated.stdout)
        verified = run("systemd-analyze", "verify", "--man=no", self.unit)
        self.assertIn("NoSuchLine", verified.stdout)

    def test_it_is_restarted_and_bounded(self):
        for line in ("Restart=always", "NoNewPrivileges=yes",
                     "ProtectSystem=strict", "PrivateTmp=yes",
                     "CapabilityBoundingSet=", "StartLimitIntervalSec=0"):
            self.assertRegex(self.text, "(?m)^%s$" % re.escape(line))
        for setting in ("LimitNOFILE", "MemoryMax", "TasksMax"):
            self.assertRegex(self.text, r"(?m)^%s=\d+" % setting)


class Server(Unit, unittest.TestCase):

    NAME, PROGRAM = "latchkeyd", LATCHKEYD

    def test_latchkeyd_understands_its_settings_file(self):
        config = os.path.join(PACKAGING, "latchkeyd.conf")
        # A wrong setting at the end: the only thing that is complained about.
        tried = run(LATCHKEYD, "--config", config, "--hash_threads", "0")
        self.assertEqual(tried.returncode, 2, tried.stdout)
        self.assertIn("--hash_threads", tried.stdout)
        with open(config) as file:
            directory = re.search(r'(?m)^data_dir = "(.*)"$', file.read())
        self.assertIn("StateDirectory=" + directory[1].split("/")[3],
                      self.text)


class Agent(Unit, unittest.TestCase):

    NAME, PROGRAM = "latchkey-agent", AGENT

    def test_the_agent_understands_its_settings_file(self):
        with open(os.path.join(PACKAGING, "latchkey-agent.env")) as file:
            settings = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", file.read()))
        arguments = re.search(r"(?m)^ExecStart=\S+ (.*)$", self.text)[1].split()
        # A wrong setting at the end: the only thing that is complained about.
        tried = run(AGENT, *arguments, "--ask_timeout=0", environment=settings)
        self.assertEqual(tried.returncode, 2, tried.stdout)
        self.assertIn("--ask_timeout", tried.stdout)
        # Without it, only that there are no such files.
        tried = run(AGENT, *arguments, environment=settings)
        self.assertEqual(tried.returncode, 3, tried.stdout)
        self.assertIn(settings["LATCHKEY_AGENT_TLS_CA"], tried.stdout)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed (tools/test installs it)")
        sys.exit(SKIPPED)
    unittest.main()
