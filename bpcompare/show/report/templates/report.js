// What Plotly has no control for: a slider that the keyboard reaches, numbers inside formulas, light and dark.
"use strict";

const parts = JSON.parse(document.getElementById("states").textContent);

const AT_ONCE = { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true } };

function control(box) {
  const part = parts[box.dataset.control];
  const section = box.closest("[data-section]");
  const charts = section.querySelectorAll(".js-plotly-plot");
  const slider = box.querySelector("input");
  const play = box.querySelector('[data-go="play"]');
  const fields = section.querySelectorAll("[data-field]");
  let timer = null;

  function show(place) {
    const state = part.states[place];
    slider.value = place;
    slider.setAttribute("aria-valuetext", state.rate ?? state.epoch);
    for (const field of fields) field.textContent = state[field.dataset.field] ?? "–";
    for (const chart of charts) Plotly.animate(chart, [String(place)], AT_ONCE);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  function move(by) {
    const next = Number(slider.value) + by;
    if (next < 0 || next > Number(slider.max)) return stop();
    show(next);
  }

  function start() {
    if (slider.value === slider.max) show(0);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => move(1), matchMedia("(prefers-reduced-motion: reduce)").matches ? 1500 : 400);
  }

  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  for (const button of box.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      if (button === play) return timer ? stop() : start();
      stop();
      move(Number(button.dataset.go));
    });
  }
  show(part.start);
}

function paint() {
  const color = getComputedStyle(document.body).color;
  for (const chart of document.querySelectorAll(".js-plotly-plot")) {
    Plotly.relayout(chart, { "font.color": color, "title.font.color": color });
  }
}

function describe(node) {
  document.getElementById("node").textContent = node.getAttribute("aria-label");
}

window.addEventListener("load", () => {
  document.querySelectorAll("[data-control]").forEach(control);
  for (const node of document.querySelectorAll(".graph [tabindex]")) {
    for (const event of ["focus", "mouseenter", "click"]) node.addEventListener(event, () => describe(node));
  }
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  document.body.dataset.ready = "yes";
});
