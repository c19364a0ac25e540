"""`python -m ctaclient.sandbox issuer|door|pool CONFIG FD PARENT`: one server process, started by Sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

from ctaclient.sandbox.child import serve

if __name__ == "__main__":
    name, config_path, fd, parent = sys.argv[1:]
    serve(name, Path(config_path), int(fd), int(parent))
