"""The report: one HTML page that needs no network, with charts to move and one step of training to walk through.

`page` puts it together from its sections in reading order: `answer`, `rates`, `one_step`, `origin`, `pitfalls`.
A section is a chart (`charts`) and, where there is something to move, a list of states: frame k of the chart and the
numbers that stand in the text while it is shown. `report.js` only shows a state; it does no arithmetic.
"""
