"""What the service counts, for Prometheus. Labels are words of ours: never a hotel's guest, id or text."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MESSAGES = Counter(
    "dianxiaoer_messages_received", "Messages from guests, once each.", ["channel"], registry=REGISTRY
)
REPEATS = Counter(
    "dianxiaoer_messages_repeated", "Deliveries of a message that was known.", ["channel"], registry=REGISTRY
)
TURNS = Counter(
    "dianxiaoer_turns", "Turns of the assistant, by how they ended.", ["outcome"], registry=REGISTRY
)
ENGINE_SECONDS = Histogram(
    "dianxiaoer_engine_seconds",
    "Time that Rasa took for a turn.",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0),
    registry=REGISTRY,
)
ANSWER_SECONDS = Histogram(
    "dianxiaoer_answer_seconds",
    "Time from a guest's message to the assistant's answer being on its way.",
    ["channel"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 4.3, 10.0, 60.0),
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "dianxiaoer_deliveries",
    "Attempts to deliver, by how they ended.",
    ["channel", "outcome"],
    registry=REGISTRY,
)
HANDOFFS = Counter(
    "dianxiaoer_handoffs", "Conversations handed to people, by reason.", ["reason"], registry=REGISTRY
)
ASSIGNMENTS = Counter(
    "dianxiaoer_assignments",
    "Conversations assigned to one person, by how that ended.",
    ["outcome"],
    registry=REGISTRY,
)
NOBODY = Counter(
    "dianxiaoer_nobody_found", "Why a person could not be had for a guest.", ["why"], registry=REGISTRY
)
REFUSALS = Counter(
    "dianxiaoer_requests_refused",
    "Requests refused at the edge, by edge and why.",
    ["edge", "why"],
    registry=REGISTRY,
)
ERASURES_UNLISTED = Counter(
    "dianxiaoer_erasures_unlisted",
    "Erasures that could not be written beside the backups: a restored backup would not repeat them.",
    registry=REGISTRY,
)
ROBOT_CALLS = Counter(
    "dianxiaoer_robot_calls", "Messages to group robots, by how they ended.", ["outcome"], registry=REGISTRY
)
PUSHES = Counter(
    "dianxiaoer_pushes", "Events to apps' backends, by how they ended.", ["outcome"], registry=REGISTRY
)
SOCKETS = Gauge("dianxiaoer_sockets", "Open WebSockets, by edge.", ["edge"], registry=REGISTRY)
OUTBOX_DEPTH = Gauge("dianxiaoer_outbox_rows", "Outbox rows, by kind.", ["kind"], registry=REGISTRY)
OUTBOX_LAG = Gauge(
    "dianxiaoer_outbox_lag_seconds", "How long the oldest due outbox row is overdue.", registry=REGISTRY
)
WAITING = Gauge(
    "dianxiaoer_conversations_waiting", "Conversations that wait for a person.", registry=REGISTRY
)
LONGEST_WAIT = Gauge(
    "dianxiaoer_longest_wait_seconds", "How long the first of them has waited.", registry=REGISTRY
)


def render() -> bytes:
    """Everything in the text format that Prometheus reads (CONTENT_TYPE)."""
    return generate_latest(REGISTRY)
