import pytest

from perdure.cli._session import temporal_url
from perdure.config import LocalSettings, Settings

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
