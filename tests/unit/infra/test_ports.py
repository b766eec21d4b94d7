"""A port that is found free stays free for whoever is to listen there."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from infra.emulators.process import HOST, KEPT_PORTS, free_port, is_free


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_port_is_kept_from_everybody_but_a_server() -> None:
    ports = [free_port() for _ in range(KEPT_PORTS)]
    assert len(set(ports)) == KEPT_PORTS
    for port in ports:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, port))
        assert is_free(port)
        with socket.create_server((HOST, port)):
            assert not is_free(port)
        assert is_free(port)


def test_process_that_ends_leaves_no_port_open() -> None:
    program = "from infra.emulators.process import free_port; free_port()"
    ended = subprocess.run([sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
