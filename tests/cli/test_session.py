import pytest

from perdure.config import LocalSettings, NotifySettings, Settings
from perdure.engine.pages import temporal_url

SETTINGS = Settings(local=LocalSettings(port=7233, ui_port=8233))


@pytest.mark.parametrize(
    ("target_host", "expected"),
    [
        ("localhost:7233", "http://127.0.0.1:8233/namespaces/a%2Fb/workflows/action%2Fx"),
        ("127.0.0.1:7233", "http://127.0.0.1:8233/namespaces/a%2Fb/workflows/action%2Fx"),
        ("ns.acct.tmprl.cloud:7233", "https://cloud.temporal.io/namespaces/a%2Fb/workflows/action%2Fx"),
        ("127.0.0.1:9999", None),
        ("temporal.example.com:7233", None),
    ],
)
def test_the_web_page_is_told_only_where_its_address_is_known(target_host, expected):
    """A wrong address is worse than none."""
    assert temporal_url(target_host, "a/b", "action/x", settings=SETTINGS) == expected


def test_a_setting_says_where_the_web_page_of_any_server_is():
    """Nobody could know it of a cluster of one's own."""
    settings = Settings(notify=NotifySettings(temporal_ui="https://temporal.example.com/"))
    expected = "https://temporal.example.com/namespaces/default/workflows/pipeline%2Fx%2F1"
    assert temporal_url("10.0.0.1:7233", "default", "pipeline/x/1", settings=settings) == expected
