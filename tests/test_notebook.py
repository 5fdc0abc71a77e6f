"""What a notebook shows of each result: whatever was computed, a text without markup of the user's, and no error."""

import html.parser
import math

import pytest
import torch

from bpcompare.comparison.linear import compare
from bpcompare.graph.derivation import derive
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep

HOSTILE = "</table><script>alert(1)</script><img src=x onerror=y>"
LONGEST = 200_000  # characters: a notebook must stay usable


def hostile():
    x = torch.arange(6.0)[:, None]
    return from_data(x, 3 * x, x_names=(HOSTILE,), y_names=("<b>$y$</b>",), name=HOSTILE)


def wide():
    x = torch.rand(40, 400, generator=torch.Generator().manual_seed(0))
    return from_data(x, x[:, :300])


def swept(**options):
    return sweep([line(seed=seed) for seed in range(3)], [0.1, 1.0, 50.0], epochs=200, **options)


def marked():
    def sample(k):
        x = torch.randn(3 + k, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        return (x.requires_grad_(),)

    return check_gradients(lambda x: (x**2).mean(), lambda x: x / len(x), sample)


RESULTS = {
    "problem": line,
    "hostile problem": hostile,
    "wide problem": wide,
    "network problem": quadratic,
    "run": lambda: compare(line(), ["manual"], epochs=2).results["manual"].run,
    "diverged run": lambda: compare(line(), ["manual"], lr=1e6, epochs=50).results["manual"].run,
    "comparison": lambda: compare(hostile(), epochs=2),
    "diverged comparison": lambda: compare(line(), lr=1e30, epochs=20),
    "network comparison": lambda: compare(quadratic(layers=(2, 3, 1)), epochs=2),
    "diverged network": lambda: compare(quadratic(layers=(2, 3, 1)), ["manual"], lr=1e9, epochs=20),
    "sweep": swept,
    "summary": lambda: Summary(swept()),
    "summary where nothing worked": lambda: Summary(sweep([line()], [1e6], epochs=50)),
    "derivation": lambda: derive("(w*x - y)**2", {"w": 1, "x": 2, "y": 4}),
    "derivation too large for a picture": lambda: derive(" + ".join(f"x**{k}" for k in range(2, 200)), {"x": 0.5}),
    "graph": lambda: derive("a = x @ w; mean(a**2)", {"x": [[1.0, 2.0]], "w": [3.0, 4.0]}).graph,
    "large graph": lambda: derive(" + ".join(f"x**{k}" for k in range(2, 200)), {"x": 0.5}).graph,
    "marking of answers": lambda: derive("(w*x - y)**2", {"w": 1, "x": 2, "y": 4}).mark({"w": 3}),
    "marking of a function": marked,
}


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found, self.text = set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module", params=RESULTS)
def result(request):
    return RESULTS[request.param]()


def test_a_notebook_shows_it_without_markup_of_the_user(result):
    shown = result._repr_html_()
    assert len(shown) < LONGEST
    tags = Tags(shown)
    assert tags.text.strip()
    assert not tags.found & {"script", "img", "b", "iframe"}


def test_a_terminal_shows_one_short_line(result):
    assert "\n" not in repr(result)
    assert len(repr(result)) < 1000
    assert not repr(result).startswith("<bpcompare.")


def test_the_sweep_shows_the_rate_with_the_lowest_median_loss():
    found = swept()
    lowest = [
        found.rates[losses.nan_to_num(math.inf).median(0).values.argmin()].item() for losses in found.final_losses
    ]
    cells = Tags(found._repr_html_()).text
    assert all(f"{rate:.6g}" in cells for rate in lowest)


def test_a_sweep_keeps_the_states_of_the_run_at_every_checkpoint():
    problem = line(standardize=True)
    found = sweep([problem], [0.1, 0.5], epochs=50, paths=True)
    for place, rule in enumerate(("moments+GradientDescent", "moments+Adam")):
        run = compare(problem, rule, lr=0.5).results[rule]
        assert torch.equal(found.path_weights[place, :, 0, 1], run.weights)
        assert torch.equal(found.path_biases[place, :, 0, 1], run.biases)
