"""The action server: every action of ours, on the loopback only unless SANIC_HOST says otherwise."""

import argparse
import logging
import os
from urllib.parse import urlsplit

from rasa_sdk import utils
from rasa_sdk.endpoint import create_app_for_serve
from rasa_sdk.executor import ActionExecutor
from sanic import Sanic

from actions.base import DeskAction
from actions.cancel_wake_up import CancelWakeEnd, CancelWakeForm
from actions.handoffs import Complain, DefaultFallback, Deny, Misunderstood
from actions.requests import FollowUp, StatePreference, StopMessages
from actions.service_form import ServiceEnd, ServiceForm
from actions.wake_up import WakeUpEnd, WakeUpForm

ACTIONS: tuple[type[DeskAction], ...] = (
    WakeUpForm,
    WakeUpEnd,
    CancelWakeForm,
    CancelWakeEnd,
    ServiceForm,
    ServiceEnd,
    Complain,
    Deny,
    Misunderstood,
    DefaultFallback,
    FollowUp,
    StatePreference,
    StopMessages,
)
DEFAULT_URL = "http://127.0.0.1:5055/webhook"
GRACE_SECONDS = 5.0


def executor() -> ActionExecutor:
    registered = ActionExecutor()
    for action in ACTIONS:
        registered.register_action(action)
    return registered


def application(registered: ActionExecutor) -> Sanic:
    app = create_app_for_serve(registered, cors_origins=[])
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = GRACE_SECONDS
    app.config.MOTD = False
    return app


def main(arguments: list[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT; what is being decided then is finished first."""
    parser = argparse.ArgumentParser(prog="python -m actions", description=__doc__)
    parser.add_argument("--port", type=int, help="default: the port of ACTION_URL")
    port = parser.parse_args(arguments).port or urlsplit(os.environ.get("ACTION_URL") or DEFAULT_URL).port
    utils.configure_colored_logging(os.environ.get("LOG_LEVEL", "INFO"))
    logging.getLogger("sanic.access").setLevel(logging.WARNING)
    host = os.environ.get("SANIC_HOST", "127.0.0.1")
    application(executor()).run(host=host, port=port, single_process=True, access_log=False)
