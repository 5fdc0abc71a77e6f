"""The checker of the site's links finds what is broken, and nothing else."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("check_links", Path(__file__).parent.parent / "docs" / "check_links.py")
check_links = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_links)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "there.html").write_text('<h1 id="top">There</h1><a href="../index.html">back</a>')
    return tmp_path


def faults(site, body):
    (site / "index.html").write_text(body)
    return list(check_links.faults(site))


def test_links_that_lead_somewhere_pass(site):
    body = '<a href="sub/there.html#top"></a><a href="#here"></a><p id="here"><a href="https://pytorch.org"></a>'
    assert faults(site, body) == []


@pytest.mark.parametrize("target", ["sub/gone.html", "sub/there.html#gone", "#gone"])
def test_a_link_to_nowhere_is_found(site, target):
    assert len(faults(site, f'<a href="{target}"></a>')) == 1


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link href="//cdn.example/x.css">',
        '<img src="http://cdn.example/x.png">',
    ],
)
def test_a_file_from_the_network_is_found(site, tag):
    assert len(faults(site, tag)) == 1
