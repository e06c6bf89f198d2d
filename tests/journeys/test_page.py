"""The page over the real engine."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.fixtures import Opened, released, seen, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.live.servers import Servers

pytestmark = pytest.mark.browser


def written(page: "Page") -> str:
    """What is written without chance under a policy that never gives up."""
    page.get_by_label("Policy").select_option("patient")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Tokens").fill("32")
    write(page)
    return released(page)


def test_what_a_real_model_writes_is_seen_being_rewound(servers: "Servers", opened: Opened) -> None:
    with servers.scorer.flagging(), opened(servers.guarded) as page:
        own = (page.locator("body").text_content() or "").lower()
        words = set(re.findall("[a-z]+", written(page)))
        word = max(sorted(word for word in words if word not in own), key=len)
        assert page.locator("#answer del").count() == 0
    with servers.scorer.flagging(word), opened(servers.guarded) as page:
        said = written(page)
        rewinds = page.locator("#answer del").count()
        assert rewinds > 0 and page.locator("#rewinds").text_content() == str(rewinds)
        assert said and word not in said and word not in seen(page).lower()
