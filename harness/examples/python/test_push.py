"""A push makes a device fetch its work. The server is the reference server; start yours instead."""
import pathlib
import time

import pytest
import requests

import dmwake

LOC_URI = "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    lab = dmwake.Lab(str(tmp_path_factory.mktemp("ca")))
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def server(lab):
    env = {**lab.ready["env"], "DMWAKE_PASSWORD": "demo"}  # CA and proxy, so that it reaches the lab's WNS
    ca_dir = str(pathlib.Path(lab.ready["ca"]).parent)
    server = dmwake.Process("mdm", "--listen", "auto", "--admin", "auto", "--ca-dir", ca_dir, env=env)
    yield server.ready
    server.stop()


@pytest.fixture
def device(lab, server):
    """An enrolled device with a channel."""
    namespace = lab.namespace()
    device = lab.call("POST", "/v1/devices", {
        "namespace": namespace, "key": "ec",
        "server": {"discovery": server["discovery"], "ca": pathlib.Path(server["ca"]).read_text()},
        "enroll": {"username": server["username"], "password": "demo"},
    })
    lab.call("POST", f"/v1/devices/{device['id']}/enroll")
    lab.call("POST", f"/v1/devices/{device['id']}/wait", {"for": "channel"})
    lab.call("POST", f"/v1/devices/{device['id']}/sync")  # the server learns the channel
    yield device["id"]
    removed = lab.call("DELETE", f"/v1/namespaces/{namespace}")
    assert removed["devices"] == 1


def admin(server, path, body=None):
    requests.post(server["admin"] + path, json=body, timeout=60).raise_for_status()


def test_a_push_delivers_the_policy(lab, server, device):
    admin(server, f"/devices/{device}/commands", {"verb": "Replace", "locURI": LOC_URI, "format": "int", "data": "8"})
    admin(server, f"/devices/{device}/push")

    came = lab.call("POST", f"/v1/devices/{device}/wait", {"for": "session", "origin": "push", "timeout": "30s"})
    command, = [c for c in came["session"]["commands"] if c.get("locURI") == LOC_URI]
    assert command["code"] == 200

    node, = lab.call("GET", f"/v1/devices/{device}/tree", locURI=LOC_URI)
    assert node["data"] == "8"
    sent = lab.call("GET", "/v1/journal", device=device)
    assert sent and all(not entry["violations"] for entry in sent)


def test_an_offline_device_gets_it_later(lab, server, device):
    lab.call("PATCH", f"/v1/devices/{device}", {"offline": True})
    admin(server, f"/devices/{device}/commands", {"verb": "Replace", "locURI": LOC_URI, "format": "int", "data": "9"})
    admin(server, f"/devices/{device}/push")
    limit = time.monotonic() + 30
    while not (sent := lab.call("GET", "/v1/journal", device=device)):  # the server pushes in its own time
        assert time.monotonic() < limit, "no notification came"
        time.sleep(0.02)
    assert sent[0]["delivery"] == "cached"

    lab.call("PATCH", f"/v1/devices/{device}", {"offline": False})
    came = lab.call("POST", f"/v1/devices/{device}/wait", {"for": "command", "locURI": LOC_URI, "data": "9"})
    assert came["event"]["code"] == 200
