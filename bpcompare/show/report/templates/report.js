// What Plotly has no control for: one slider for several charts and for numbers inside formulas, charts that are drawn
// when they come into view, light and dark. It does no arithmetic: every state was computed beforehand.
"use strict";

const { charts, parts } = JSON.parse(document.getElementById("data").textContent);
const CONFIG = { displayModeBar: false, responsive: true };
const ON_PAPER = 330; // pixels: half of an A4 page
const still = matchMedia("(prefers-reduced-motion: reduce)");
const boxes = [...document.querySelectorAll(".chart")];
const places = new Map(); // of the charts that move

function color() {
  return getComputedStyle(document.body).color;
}

// Nine tenths of the page are Plotly: it is compiled for the first chart that is seen, when the controls work already.
function loadPlotly() {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.text = document.getElementById("plotly").textContent;
  document.head.appendChild(script).remove();
}

function draw(box) {
  if (box.classList.contains("js-plotly-plot")) return;
  loadPlotly();
  const { data, layout, frames } = charts[box.id];
  if (places.has(box)) {
    const { x, y } = frames[places.get(box)];
    lastOf(data, x.length).forEach((trace, i) => Object.assign(data[trace], { x: x[i], y: y[i] }));
  }
  layout.font.color = color();
  Plotly.newPlot(box, data, layout, CONFIG);
}

function lastOf(data, count) {
  return [...data.keys()].slice(data.length - count);
}

function moveChart(box, place) {
  places.set(box, place);
  if (!box.classList.contains("js-plotly-plot")) return;
  const { data, frames } = charts[box.id];
  const { x, y } = frames[place];
  Plotly.restyle(box, { x, y }, lastOf(data, x.length));
}

function control(box) {
  const { start, states } = parts[box.dataset.control];
  const section = box.closest("[data-section]");
  const moving = [...section.querySelectorAll(".chart")].filter((chart) => charts[chart.id].frames.length);
  const slider = box.querySelector("input");
  const play = box.querySelector('[data-go="play"]');
  const fields = section.querySelectorAll("[data-field]");
  const says = { play: play.textContent, pause: play.dataset.pause };
  let timer = null;

  function show(place) {
    slider.value = place;
    slider.setAttribute("aria-valuetext", states[slider.dataset.shows][place]);
    for (const field of fields) field.textContent = states[field.dataset.field][place];
    for (const chart of moving) moveChart(chart, place);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = says.play;
    play.setAttribute("aria-pressed", "false");
  }

  function move(by) {
    const next = Number(slider.value) + by;
    if (next < 0 || next > Number(slider.max)) return stop();
    show(next);
  }

  function run() {
    if (slider.value === slider.max) show(0);
    play.textContent = says.pause;
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => move(1), still.matches ? 1500 : 400);
  }

  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  for (const button of box.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      if (button === play) return timer ? stop() : run();
      stop();
      move(Number(button.dataset.go));
    });
  }
  show(start);
}

function describe(node) {
  document.getElementById("node").textContent = node.getAttribute("aria-label").replaceAll("; ", "\n");
}

document.querySelectorAll("[data-control]").forEach(control);
for (const node of document.querySelectorAll(".graph [tabindex]")) {
  for (const event of ["focus", "mouseenter", "click"]) node.addEventListener(event, () => describe(node));
}
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
}, { rootMargin: "300px" });
boxes.forEach((box) => seen.observe(box));
addEventListener("beforeprint", () => {
  boxes.forEach(draw);
  for (const box of boxes) Plotly.relayout(box, { autosize: false, width: ON_PAPER });
});
addEventListener("afterprint", () => {
  for (const box of boxes) Plotly.relayout(box, { autosize: true, width: null });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const box of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(box, { "font.color": color() });
});
document.body.dataset.ready = "yes";
