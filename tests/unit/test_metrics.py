"""The metrics: what is counted can be read."""

from bot import metrics


def test_what_is_counted_is_shown() -> None:
    metrics.MESSAGES.labels("wechat").inc()
    metrics.WAITING.set(3)
    shown = metrics.render().decode()
    assert 'dianxiaoer_messages_received_total{channel="wechat"}' in shown
    assert "dianxiaoer_conversations_waiting 3.0" in shown


def test_every_metric_bears_our_name_and_says_what_it_is() -> None:
    for family in metrics.REGISTRY.collect():
        assert family.name.startswith("dianxiaoer_")
        assert family.documentation.endswith(".")
