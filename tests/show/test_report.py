"""The report page, read back from a browser. Needs Chromium, and for one test axe-core; CI has both."""

import csv
import functools
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from unittest import mock

import plotly.graph_objects as go
import pytest
import torch
from pictures import unpictured

import bpcompare
from bpcompare.cli import main
from bpcompare.comparison.linear import compare
from bpcompare.comparison.network import compare_network
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.show.report.formulas import mathml
from bpcompare.show.report.page import page, steps_of
from bpcompare.show.report.planes import steepest_and_flattest
from bpcompare.show.report.rates import rates
from bpcompare.show.report.trained import rates_of

CI = os.environ.get("CI") == "true"
AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "</script><img src=x onerror=\"document.title='run'\"><b>$x$"
LARGEST = 6_000_000  # bytes
LEAN = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",  # two pages of the address bar
    "--js-flags=--no-turbofan",  # it pays for what runs longer than a test
]


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if CI:
            pytest.fail("CI must have Chromium")
        pytest.skip("needs Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=LEAN)
        yield running
        running.close()


@pytest.fixture(scope="module")
def window(browser, tmp_path_factory):
    """A window from which others are opened: they share its process and one address, where Plotly is compiled once."""
    empty = tmp_path_factory.mktemp("window") / "empty.html"
    empty.write_text("<!doctype html><title>empty</title>")
    first = browser.new_page()
    first.goto(empty.as_uri())
    first.place = empty.with_name("report.html")
    return first


@pytest.fixture(scope="module")
def counted():
    """How often `page` counted a step in the run of `default`, and how often it said that it would."""
    return {"done": 0, "expected": 0}


@pytest.fixture(scope="module")
def default(tmp_path_factory, counted, loops_once):
    """The folder that `compare --report` writes: the page next to the files that it must agree with."""

    def counting(comparison, on_step):
        def step():
            counted["done"] += 1
            on_step()

        counted["expected"] = steps_of(comparison)
        return page(comparison, on_step=step)

    folder = tmp_path_factory.mktemp("default")
    with unpictured(), mock.patch("bpcompare.show.report.page.page", counting):
        assert main(["--report", "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The page of a table whose column names try to be markup."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(30, 4, generator=generator)
    y = x @ torch.tensor([[1.0], [2.0], [3.0], [-1.0]])
    problem = from_data(x, y, x_names=(HOSTILE, "b", "c", "d"), y_names=("y & <i>z</i>",), standardize=True)
    problem = replace(problem, name="a\x1b[2J\x07.csv")
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_bytes(page(compare(problem, ["manual", "adam"], epochs=20), with_pitfalls=False))
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The page of a network, with the files that it must agree with."""
    folder = tmp_path_factory.mktemp("network")
    options = ["--problem", "quadratic", "--layers", "2,4,1", "--epochs", "6", "--report", "--quiet"]
    with unpictured(), mock.patch("bpcompare.show.report.page.pitfalls", return_value=[]):  # as on the default page
        assert main([*options, "--out", str(folder)]) == 0
    return folder


def opened(window, path, width):
    """The page when its script is done, with what it complained of and what it asked for."""
    with window.expect_popup() as popup:
        window.evaluate("void open('about:blank')")
    tab = popup.value
    tab.set_viewport_size({"width": width, "height": 800})
    tab.complaints, tab.requests = [], []
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    shutil.copy(path, window.place)
    tab.goto(window.place.as_uri())
    tab.wait_for_selector("body[data-ready=yes]", timeout=60_000)
    return tab


COLOURS = "{runOnly: ['color-contrast', 'link-in-text-block']}"


def violations(tab):
    """What axe finds serious in the dark page, which differs by its colours only, and in the light one."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    tab.evaluate("axe.configure({noHtml: true})")  # of everything that it looks at
    found = {}
    for scheme, rules in (("dark", COLOURS), ("light", "{}")):
        tab.emulate_media(color_scheme=scheme)
        every = tab.evaluate(f"axe.run(document, {{resultTypes: ['violations'], ...{rules}}}).then(r => r.violations)")
        serious = [v for v in every if v["impact"] in ("serious", "critical")]
        found[scheme] = {v["id"]: [node["target"] for node in v["nodes"][:3]] for v in serious}
    return found


@pytest.fixture(scope="module")
def seen(window, request):
    """Every page by its name, loaded once at that width, and as it was before any test touched it what axe found."""

    @functools.cache
    def once(name, width):
        path = request.getfixturevalue(name)
        tab = opened(window, path / "report.html" if path.is_dir() else path, width)
        tab.violations = violations(tab) if AXE.exists() and width == 1280 else None
        return tab

    return lambda name, width=1280: once(name, width)  # for the cache, a default and the same number are two


@pytest.fixture(scope="module")
def tab(seen):
    return seen("default")


def test_the_page_is_of_bounded_size_and_names_no_other_place(default, hostile):
    for path in (default / "report.html", hostile):
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= LARGEST
        assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?https?:", text)


def test_the_page_complains_of_nothing_and_asks_for_nothing(tab, window):
    assert tab.complaints == []
    assert tab.requests == [window.place.as_uri()]
    assert tab.evaluate("document.documentElement.lang") == "en"


def test_the_answer_is_that_of_the_json(tab, default):
    document = json.loads((default / "comparison.json").read_text())
    for name, run in document["runs"].items():
        for parameter, value in (("weight", run["weight"][0][0]), ("bias", run["bias"][0])):
            shown = tab.locator(f'[data-learned="{name}/{parameter}"]').inner_text()
            assert float(shown) == value


def numbers(tab):
    """The text of every slot in the formulas, by its name; where several have one name they say the same."""
    every = "[...document.querySelectorAll('#step [data-field]')]"
    slots = tab.evaluate(f"{every}.map(slot => [slot.dataset.field, slot.textContent])")
    named = dict(slots)
    assert all(text == named[name] for name, text in slots)
    return named


def test_the_epoch_control_shows_the_numbers_of_the_history(tab, default):
    with (default / "history.csv").open(newline="") as file:
        history = {(int(row["epoch"]), row["method"]): row for row in csv.DictReader(file)}
    slider = tab.locator('[data-control="step"] input')
    for epoch in (0, 1, 17, 49):
        slider.fill(str(epoch))
        shown = numbers(tab)
        for place, method in enumerate(("manual", "autograd", "adam")):
            row, after = history[epoch, method], history[epoch + 1, method]
            for number, name in enumerate(("weight", "bias")):
                fields = {"p": row[name], "g": row[f"grad {name}"], "next": after[name]}
                for what, value in fields.items():
                    assert float(shown[f"{place}.{number}.{what}.full"]) == float(value)
            assert float(shown[f"{place}.loss"]) == float(row["loss"])


def test_the_short_numbers_in_the_formulas_are_the_full_ones_rounded(tab):
    tab.locator('[data-control="step"] input').fill("7")
    fields = numbers(tab)
    full = {name: value for name, value in fields.items() if name.endswith(".full")}
    assert len(full) == 18
    for name, value in full.items():
        assert float(fields[name.removesuffix(".full")].replace("−", "-")) == pytest.approx(float(value), rel=5e-6)


def curve(tab, chart, name):
    """The y values that a chart draws for a method now."""
    tab.locator(f"#{chart}").scroll_into_view_if_needed()
    tab.wait_for_function("chart => document.getElementById(chart).data", arg=chart)
    return tab.evaluate(
        "([chart, name]) => document.getElementById(chart).data.filter(t => t.name === name).at(-1).y", [chart, name]
    )


def test_the_slider_moves_every_chart_to_the_runs_at_that_rate(tab):
    problem = line()
    values = rates_of(compare(problem, epochs=50))
    slider = tab.locator('[data-control="rates"] input')
    seen = []
    for place in (3, len(values) - 1):
        slider.fill(str(place))
        expected = compare(problem, ["manual", "adam"], lr=values[place], epochs=50)
        for name, result in expected.results.items():
            drawn = curve(tab, "chart-rates-loss", name)
            kept = [(a, b) for a, b in zip(drawn, result.losses.tolist(), strict=True) if a is not None]
            assert len(kept) >= 2
            assert all(a == pytest.approx(b, rel=1e-4) for a, b in kept)
        seen.append([curve(tab, f"chart-rates-{chart}", "manual") for chart in ("loss", "path", "fit")])
    assert all(before != after for before, after in zip(*seen, strict=True))


def test_past_the_limit_it_says_so_and_the_axes_stay(tab):
    slider = tab.locator('[data-control="rates"] input')
    axis = "document.getElementById('chart-rates-loss').layout.yaxis.range"
    curve(tab, "chart-rates-loss", "manual")
    before = tab.evaluate(axis)
    slider.fill(slider.get_attribute("max"))
    assert tab.evaluate(axis) == before
    limit = compare(line(), ["manual"], epochs=1).curvature.largest_stable_lr
    said = tab.locator('#rates [data-field="limit"]').inner_text()
    assert f"{limit:.6g}" in said
    assert "diverges at step" in tab.locator('#rates [data-field="ends"]').inner_text()


def test_a_file_s_name_brings_no_control_characters_into_the_page(hostile):
    head = hostile.read_text(encoding="utf-8").partition("<script")[0]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", head)
    assert r"<title>a\x1b[2J\x07.csv" in head


def test_a_hostile_column_name_stays_text(seen):
    tab = seen("hostile")
    assert tab.complaints == []
    assert tab.title() != "run"
    assert HOSTILE in tab.locator("#answer table >> nth=0").inner_text()
    assert tab.locator("img").count() == 0
    assert tab.evaluate("document.querySelectorAll('script').length") == 3


def test_the_keyboard_alone_reaches_every_control_and_node(tab):
    for summary in tab.locator("summary").all():
        summary.press("Enter")
    wanted = tab.evaluate("""() => {
        const wanted = [...document.querySelectorAll('main button, main input, main summary, main [tabindex="0"]')]
        window.reached = []
        document.addEventListener("focusin", (event) => reached.push(wanted.indexOf(event.target)))
        document.activeElement.blur()
        return wanted.length
    }""")
    for _ in range(wanted + 40):
        tab.keyboard.press("Tab")
    assert set(tab.evaluate("reached")) - {-1} == set(range(wanted))


def test_the_arrow_keys_move_the_epoch_and_play_can_be_stopped(tab):
    slider = tab.locator('[data-control="step"] input')
    slider.fill("0")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator('#step [data-field="epoch"]').inner_text() == "1"
    play = tab.locator('[data-control="step"] [data-go="play"]')
    play.press("Enter")
    tab.wait_for_function("Number(document.querySelector('[data-control=step] input').value) >= 2")
    play.press("Enter")
    assert play.get_attribute("aria-pressed") == "false"


def test_a_node_of_the_graph_tells_its_value_gradient_and_paths(tab):
    node = tab.locator('.graph [tabindex="0"]').first
    node.focus()
    said = tab.locator("#node").inner_text()
    assert said.startswith("w = −0.248884\n")
    assert "∂loss/∂w" in said
    assert "path w →" in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["default", "hostile", "network"])
def test_axe_finds_no_serious_violation(seen, which, scheme):
    if not AXE.exists():
        if CI:
            pytest.fail("CI must have axe-core in build/axe")
        pytest.skip("needs axe-core: npm install --prefix build/axe --no-save axe-core")
    assert seen(which).violations[scheme] == {}


def test_the_dark_page_differs_by_its_colours_only():
    css = (Path(bpcompare.__file__).parent / "show" / "report" / "templates" / "report.css").read_text()
    (dark,) = re.findall(r"prefers-color-scheme[^{]*\{\s*:root \{(.*?)\}\s*\}", css, re.DOTALL)
    assert re.fullmatch(r"(\s*--\w+: #[0-9a-f]{6};)+\s*", dark)
    assert css.count("prefers-color-scheme") == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(seen, width):
    assert seen("default", width).evaluate("document.documentElement.scrollWidth") <= width


def test_a_chart_that_was_moved_before_it_is_seen_is_where_it_was_moved_to(seen, default):
    tab = seen("default", 390)
    was_drawn = tab.evaluate("""() => {
        const slider = document.querySelector("[data-control=step] input")
        slider.value = 5
        slider.dispatchEvent(new Event("input"))
        return Boolean(document.getElementById("chart-step-loss").data)
    }""")
    assert not was_drawn
    with (default / "history.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["method"] == "adam"]
    assert curve(tab, "chart-step-loss", "adam") == [pytest.approx(losses[5], rel=1e-5)]


def test_a_network_shows_the_sizes_of_its_tensors(seen, network):
    tab = seen("network")
    assert tab.complaints == []
    with (network / "history.csv").open(newline="") as file:
        rows = {(int(row["epoch"]), row["method"]): row for row in csv.DictReader(file)}
    tab.locator('[data-control="step"] input').fill("3")
    shown = numbers(tab)
    for place, method in enumerate(("manual", "autograd", "adam", "graph")):
        assert float(shown[f"{place}.loss"]) == float(rows[3, method]["loss"])
    result = compare_network(quadratic(layers=(2, 4, 1)), ["manual"], lr=0.002, epochs=6, batch_size=1, shuffle=False)
    sizes = result.results["manual"].delta_sizes[3]
    for layer, size in enumerate(sizes.tolist()):
        assert float(shown[f"0.{layer}.delta"].replace("−", "-")) == pytest.approx(size, rel=1e-5)


ODD = {
    "diverged": (lambda: line(), {"lr": 1e30, "epochs": 60}),
    "no bias": (lambda: line(learn_bias=False), {"epochs": 3}),
    "one sample": (lambda: line(samples=1), {"epochs": 3}),
    "all inputs 0": (lambda: from_data(torch.zeros(4, 3), torch.ones(4, 1), bias=False), {"epochs": 3}),
    "rank-deficient": (lambda: from_data(torch.ones(5, 3), torch.arange(5.0)[:, None]), {"epochs": 3}),
    "several outputs": (lambda: line(weight=[[1.0, 2.0], [0.0, 4.0]], bias=[1.0, 2.0]), {"epochs": 3}),
    "12 inputs": (lambda: line(weight=[[1.0] * 12]), {"epochs": 3, "lr": 0.05}),
    "exact fit": (lambda: line(noise=0.0, standardize=True), {"epochs": 12, "lr": 0.5}),
    "batches": (lambda: line(), {"epochs": 2, "batch_size": 30}),
    "rules of PyTorch": (
        lambda: line(),
        {"epochs": 3, "methods": ["autograd+torch.optim.SGD", "graph+AdamRMSPropOnly"]},
    ),
}


def data_of(text):
    """The data of a page, which must be strict JSON."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text.split('id="data">', 1)[1].split("</script>", 1)[0], parse_constant=refuse)


@pytest.mark.parametrize("name", ODD)
def test_every_problem_makes_a_page_whose_data_is_strict_json(name):
    make, options = ODD[name]
    content = data_of(page(compare(make(), **options), with_pitfalls=False).decode())
    for part in content["parts"].values():
        counts = {len(values) for values in part["states"].values()}
        assert len(counts) == 1
        assert counts.pop() > part["start"]


def test_plotly_takes_every_word_of_every_chart(default, hostile, network):
    for path in (default / "report.html", hostile, network / "report.html"):
        for chart in data_of(path.read_text(encoding="utf-8"))["charts"].values():
            go.Figure(chart["data"], chart["layout"])
    with pytest.raises(ValueError, match="Invalid property"):
        go.Figure(chart["data"], {**chart["layout"], "hight": 1})


@pytest.mark.usefixtures("default")
def test_progress_counts_to_its_total(counted):
    assert counted["done"] == counted["expected"] > 0


def test_of_more_than_two_parameters_the_paths_lie_along_the_extreme_eigenvectors():
    problem = line(weight=[[1.0, 2.0, -1.0]])
    comparison = compare(problem, ["manual"], epochs=2)
    a = torch.cat([problem.x, torch.ones(100, 1)], 1).double()
    values = torch.linalg.eigvalsh(2 / 100 * a.T @ a)
    seen = steepest_and_flattest(comparison)
    assert torch.allclose(seen.hessian.diag(), values[[-1, 0]], rtol=1e-6)


def test_the_rates_pass_through_the_limit_and_hold_the_own_one():
    comparison = compare(line(), epochs=3)
    moved = rates(comparison)
    values = rates_of(comparison)
    assert values[moved.start] == comparison.lr
    assert min(values) < comparison.curvature.largest_stable_lr < max(values)
    assert len(moved.states) == len(values) == len(moved.charts["loss"]["frames"])


def test_a_slot_is_filled_by_name_and_cannot_leave_its_attribute():
    assert 'data-field="a&quot;b"' in mathml(r'\text{⟦a"b⟧}')
