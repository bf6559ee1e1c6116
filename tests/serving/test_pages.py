"""Pages for a person at a browser: they say what this is, and need nothing from outside."""

import json
import re
import shlex
import subprocess
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest

from serving.pages import REFERENCE
from tests.serving.checkout import Api


class _Addresses(HTMLParser):
    """Every address in a page: what a browser loads with it, and where its links go."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = self.links if tag == "a" else self.loaded
        found += [value for name, value in attrs if name in ("src", "href") and value]


@pytest.mark.parametrize("path", ["/", REFERENCE])
def test_a_page_loads_nothing_from_outside_and_everything_that_it_loads_is_here(client: Api, path: str) -> None:
    page = client.get(path)
    loaded = [address for address in _Addresses(page.text).loaded if not address.startswith("data:")]

    assert page.headers["content-type"].startswith("text/html")
    for address in loaded:
        assert urljoin(str(client.base_url), address).startswith(str(client.base_url))
        answer = client.get(address)
        assert answer.status_code == 200
        if address.endswith(".css"):
            assert re.findall(r"url\((?!\s*['\"]?data:)[^)]*|@import[^;]*", answer.text) == []
    assert "https://" not in page.text


def test_the_reference_is_drawn_from_this_servers_own_document(client: Api) -> None:
    page = client.get(REFERENCE).text

    assert [address.rpartition("/")[2] for address in _Addresses(page).loaded] == [
        "swagger-ui.css",
        "favicon.png",
        "swagger-ui-bundle.js",
    ]
    found = re.search(r"url: '([^']+)'", page)
    assert found is not None
    assert client.get(found[1]).json()["paths"].keys() >= {"/v1/decisions", "/v1/decisions/{decision_id}/accept"}


def test_the_front_page_links_reference_health_and_document(client: Api) -> None:
    links = _Addresses(client.get("/").text).links

    assert links == ["/docs", "/openapi.json", "/health/ready", "/health/live"]
    assert [client.get(link).status_code for link in links] == [200] * 4


def test_the_example_of_the_front_page_is_a_request_that_this_server_decides(client: Api) -> None:
    page = client.get("/").text
    example = re.search(r"<pre>(curl [^<]*/v1/decisions \\[^<]*)</pre>", page)

    assert example is not None
    shown = example[1].replace("&quot;", '"').replace("\\\n", " ")
    words = shlex.split(shown.replace("$TRANCHE_KEY", client.headers["Authorization"].removeprefix("Bearer ")))
    assert words[2] == f"{str(client.base_url).rstrip('/')}/v1/decisions"
    answer = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    assert answer["outcome"] in ("approved", "approved_reduced", "referred", "declined")


def test_the_pages_stay_out_of_the_document(client: Api) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert [path for path in paths if not path.startswith(("/v1/", "/health/"))] == []
