// Section 4: entries over time, as bars stacked by kind, and as a table.

/** Kinds that have a colour of their own; the rest share one. */
const SERIES_MAX = 5;

const CHART = { width: 960, height: 280, left: 56, right: 8, top: 12, bottom: 40 };

function showTimeline(page) {
  const place = byId("timeline-body");
  const { start_ms: startMs, width_ms: widthMs, rows } = objectOf(objectOf(page.summary).timeline);
  const series = seriesOf(rowsOf(rows));
  const length = Math.max(0, ...series.map(({ counts }) => counts.length));
  if (length === 0 || !Number.isSafeInteger(startMs) || !(widthMs > 0)) {
    place.replaceChildren(element("p", {}, "There is nothing to draw."));
    return;
  }
  const edge = (bucket) => startMs + bucket * widthMs;
  const totals = Array.from({ length }, (_, bucket) => series.reduce((sum, { counts }) => sum + (counts[bucket] ?? 0), 0));
  place.replaceChildren(
    element("p", {}, `Each bar stands for ${durationText(widthMs)}; its parts are the kinds of entries.`),
    legend(series),
    element("div", { class: "scroll chart" }, chart(series, totals, edge)),
    opening("The same as a table", () => table("Entries over time",
      [{ title: "From (UTC)" }, ...series.map(({ name }) => ({ title: said(name), number: true })),
        { title: "Total", number: true }],
      totals.map((total, bucket) => [rfc3339(edge(bucket)).slice(0, 19).replace("T", " "),
        ...series.map(({ counts }) => number(counts[bucket] ?? 0)), number(total)]))));
}

/** At most six series, the largest first: `{name, counts}`. */
function seriesOf(rows) {
  const counts = (row) => (Array.isArray(row.counts) ? row.counts.slice(0, BUCKETS_MAX) : [])
    .map((count) => (count > 0 ? Number(count) : 0));
  const sum = (series) => series.counts.reduce((total, count) => total + count, 0);
  const all = rows.map((row) => ({ name: String(row.value), counts: counts(row) })).sort((a, b) => sum(b) - sum(a));
  const rest = all.splice(SERIES_MAX);
  if (rest.length === 1) all.push(rest[0]);
  if (rest.length > 1) {
    const length = Math.max(...rest.map((series) => series.counts.length));
    const together = Array.from({ length }, (_, bucket) =>
      rest.reduce((total, series) => total + (series.counts[bucket] ?? 0), 0));
    all.push({ name: "all other kinds", counts: together });
  }
  return all;
}

function legend(series) {
  return element("ul", { class: "legend" }, series.map(({ name }, place) => element("li", {},
    drawing("svg", { viewBox: "0 0 12 12", width: "12", height: "12", "aria-hidden": "true" },
      drawing("rect", { class: `series-${place}`, x: "0", y: "0", width: "12", height: "12" })), " ", said(name))));
}

function chart(series, totals, edge) {
  const { width, height, left, right, top, bottom } = CHART;
  const most = niceCeiling(Math.max(...totals));
  const y = (count) => height - bottom - (count / most) * (height - top - bottom);
  const step = (width - left - right) / totals.length;
  const x = (bucket) => left + bucket * step;
  const at = (value) => value.toFixed(2);
  const parts = [
    drawing("title", { id: "chart-title" }, "Entries over time, by kind"),
    drawing("desc", { id: "chart-text" }, `From ${timeText(edge(0))} to ${timeText(edge(totals.length))}, `
      + `${counted(totals.length, "bar")}; the highest has ${counted(Math.max(...totals), "entry", "entries")}. `
      + "The table below has every number."),
  ];
  for (const count of gridCounts(most)) {
    parts.push(drawing("line", { class: "grid", x1: left, x2: width - right, y1: at(y(count)), y2: at(y(count)) }));
    parts.push(drawing("text", { class: "label", x: left - 8, y: at(y(count) + 4), "text-anchor": "end" }, number(count)));
  }
  for (const bucket of totals.keys()) {
    let below = 0;
    series.forEach(({ counts }, place) => {
      const count = counts[bucket] ?? 0;
      if (count === 0) return;
      // Bars that are wide enough have a gap between them.
      const barWidth = Math.max(0.5, step - Math.min(2, step / 4));
      parts.push(drawing("rect", { class: `series-${place}`, x: at(x(bucket)), width: at(barWidth),
        y: at(y(below + count)), height: at(y(below) - y(below + count)) }));
      below += count;
    });
  }
  parts.push(...dateLabels(totals.length, edge, x));
  return drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": "chart-title chart-text" }, parts);
}

/** A character's width in a label, at most, in the chart's units, and the room that labels have between them. */
const LABEL = { character: 8.5, room: 16 };

/** Dates under the axis: at the start, the end, and between, where there is room for them. */
function dateLabels(length, edge, x) {
  const { height, bottom } = CHART;
  const spanMs = edge(length) - edge(0);
  const shown = spanMs < 5 * 60_000 ? 19 : spanMs < 3 * 86_400_000 ? 16 : 0;
  // Times are too long to stand five in a row.
  const parts = shown > 0 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const labels = [...new Set(parts.map((part) => Math.round(part * length)))].map((bucket, place, places) => {
    const [day, clock] = rfc3339(edge(bucket)).split("T");
    const text = shown > 0 ? `${day} ${clock.slice(0, shown - 11)}` : day;
    const anchor = place === 0 ? "start" : place === places.length - 1 ? "end" : "middle";
    const width = text.length * LABEL.character;
    const start = x(bucket) - { start: 0, middle: width / 2, end: width }[anchor];
    return { bucket, text, anchor, start, end: start + width };
  });
  const last = labels.at(-1);
  let end = -Infinity;
  return labels.filter((label) => {
    const fits = label.start >= end + LABEL.room && (label === last || label.end + LABEL.room <= last.start);
    if (fits) end = label.end;
    return fits;
  }).flatMap(({ bucket, text, anchor }) => [
    drawing("line", { class: "tick", x1: x(bucket), x2: x(bucket), y1: height - bottom, y2: height - bottom + 6 }),
    drawing("text", { class: "label", x: x(bucket), y: height - bottom + 22, "text-anchor": anchor }, text),
  ]);
}

/** A round number that is not below. */
function niceCeiling(count) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, count)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((times) => times * power).find((nice) => nice >= count);
}

/** Whole numbers in equal steps, up to a round one. */
function gridCounts(most) {
  const steps = [5, 4, 3, 2].find((count) => most % count === 0) ?? 1;
  return Array.from({ length: steps + 1 }, (_, step) => (step * most) / steps);
}

/** A width of a bar in the largest unit that has it at least twice, or exactly. */
function durationText(ms) {
  for (const [unit, unitMs] of [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000]]) {
    if (ms >= 2 * unitMs || ms === unitMs) {
      const rounded = Math.round((ms / unitMs) * 10) / 10;
      return `${rounded * unitMs === ms ? "" : "about "}${counted(rounded, unit)}`;
    }
  }
  return `${number(ms)} ms`;
}
