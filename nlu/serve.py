"""python -m nlu.serve: Rasa for the service, on the port of RASA_URL.

The token goes in by the environment (RASA_TOKEN or RASA_TOKEN_FILE), never by the command line, where
every user of the machine could read it. Rasa's API opens with the same token, for /status.
"""

import argparse
import os
import sys
from urllib.parse import urlsplit

MODEL = "models/dianxiaoer.tar.gz"
RASA_URL = "http://127.0.0.1:5005"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m nlu.serve")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; loopback or private only"
    )
    parser.add_argument("--model", default=MODEL)
    given = parser.parse_args()
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ.setdefault("ACTION_URL", "http://127.0.0.1:5055/webhook")
    sys.argv = ["rasa", "run", "--enable-api", "-i", given.host, "-p", port(), "-m", given.model]
    from rasa.__main__ import main as rasa  # both read the environment as they are imported

    from nlu import connector

    sys.argv += ["--auth-token", connector.rasa_token()]
    rasa()


def port() -> str:
    return str(urlsplit(os.environ.get("RASA_URL") or RASA_URL).port or 80)


if __name__ == "__main__":
    main()
