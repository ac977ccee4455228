"""Starts dmwake and calls its API. Copy this file into your tests."""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import uuid

import requests

DMWAKE = os.environ.get("DMWAKE", "dmwake")  # the binary


class Process:
    """A dmwake command that serves until stop(). ready has its addresses."""

    def __init__(self, *args, env=None, limit=60):
        self.dir = tempfile.TemporaryDirectory()
        file = pathlib.Path(self.dir.name, "ready.json")
        self.log = open(pathlib.Path(self.dir.name, "log"), "w+")
        self.process = subprocess.Popen([DMWAKE, *args, "--ready", str(file)], env={**os.environ, **(env or {})}, stdout=self.log, stderr=self.log)
        end = time.monotonic() + limit
        while not file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError(f"dmwake {args[0]} is not ready:\n{self.log.read()}")
            time.sleep(0.02)
        self.ready = json.loads(file.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.dir.cleanup()


class Lab:
    """A lab: the one of DMWAKE_READY if that is set, or a new one."""

    def __init__(self, ca_dir):
        self.process = None
        if "DMWAKE_READY" in os.environ:
            self.ready = json.loads(pathlib.Path(os.environ["DMWAKE_READY"]).read_text())
        else:
            self.process = Process("lab", "--wns-listen", "auto", "--proxy", "auto", "--control", "auto", "--ca-dir", ca_dir)
            self.ready = self.process.ready
        self.http = requests.Session()
        self.http.trust_env = False  # the lab's address needs no proxy
        if token := os.environ.get("DMWAKE_CONTROL_TOKEN"):
            self.http.headers["Authorization"] = "Bearer " + token

    def call(self, method, path, body=None, **query):
        """One call of the API; an error has the lab's words."""
        answer = self.http.request(method, self.ready["control"] + path, json=body, params=query, timeout=120)
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def namespace(self):
        """A name for what one test makes; tests that run at the same time do not meet."""
        return "py-" + uuid.uuid4().hex[:12]

    def stop(self):
        if self.process:
            self.process.stop()
