// What pages do beyond links and forms. They work without it, but do not change by themselves then.
"use strict";

(() => {
  const body = document.body;
  const said = document.getElementById("said");

  const say = (text) => { if (said && text) said.textContent = text; };

  // Times in the reader's own zone.
  const zoned = new Intl.DateTimeFormat(document.documentElement.lang === "ja" ? "ja-JP" : "sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
  const showTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      time.title = time.dateTime;
      time.textContent = zoned.format(new Date(time.dateTime));
    }
  };

  const zone = document.getElementById("zone");
  if (zone) {
    const offset = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" }).formatToParts(new Date())
      .find((part) => part.type === "timeZoneName").value.replace("GMT", "UTC");
    const name = zoned.resolvedOptions().timeZone;
    zone.textContent = zone.dataset.words.replace("{zone}", name === offset ? name : `${name} (${offset})`);
  }

  // What is live: parts of the page that are fetched again when something was stored.
  const isBusy = (part) => part.matches("[data-careful]") &&
    part.querySelector("input:checked, textarea:focus, select:focus, input:not([type=checkbox]):focus");
  const refresh = async () => {
    const parts = [...document.querySelectorAll("[data-live]")].filter((part) => part.id && !isBusy(part));
    if (!parts.length) return;
    const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    if (!answer.ok) return;
    const fetched = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const fresh = fetched.getElementById(part.id);
      const current = document.getElementById(part.id);
      if (!fresh || !current || isBusy(current)) continue;
      showTimes(fresh);
      if (fresh.innerHTML === current.innerHTML && fresh.hidden === current.hidden) continue;
      const known = new Set([...current.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
      for (const row of fresh.querySelectorAll("[data-key]")) {
        if (known.size && !known.has(row.dataset.key)) { row.classList.add("fresh"); say(row.dataset.said); }
      }
      const held = document.activeElement && current.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      current.replaceWith(document.adoptNode(fresh));
      htmx.process(fresh);
      prepare(fresh);
      if (held) fresh.querySelector(`[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    }
    drawCharts();
  };
  let waiting = null;
  const refreshSoon = () => { waiting ??= setTimeout(() => { waiting = null; refresh().catch(() => {}); }, 150); };

  const lamp = document.querySelector(".live");
  const showLamp = (state) => {
    if (!lamp || lamp.dataset.state === state) return;
    lamp.dataset.state = state;
    lamp.textContent = state === "on" ? body.dataset.on : body.dataset.lost;
  };
  if (document.querySelector("[data-live]")) {
    const events = new EventSource("/events");
    events.addEventListener("open", () => showLamp("on"));
    events.addEventListener("changed", refreshSoon);
    events.addEventListener("error", () => showLamp("off"));
    addEventListener("pagehide", () => events.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  // Tables in which rows are picked.
  const prepare = (root) => {
    const form = root.matches?.("form[data-pick]") ? root : root.querySelector?.("form[data-pick]") ?? root.closest?.("form[data-pick]");
    if (!form) return;
    const bar = form.querySelector(".bulk");
    const all = form.querySelector("[data-all]");
    const count = () => {
      const boxes = [...form.querySelectorAll('tbody input[type="checkbox"]')];
      const picked = boxes.filter((box) => box.checked).length;
      if (bar) { bar.hidden = !picked; bar.querySelector(".said").textContent = bar.dataset.words.replace("{count}", picked); }
      if (all) { all.checked = picked > 0 && picked === boxes.length; all.indeterminate = picked > 0 && picked < boxes.length; }
    };
    if (!form.dataset.ready) {
      form.dataset.ready = "yes";
      form.addEventListener("change", (event) => {
        if (event.target.matches("[data-all]")) {
          for (const box of form.querySelectorAll('tbody input[type="checkbox"]')) box.checked = event.target.checked;
        }
        count();
        if (!form.querySelector("input:checked")) refreshSoon();
      });
    }
    count();
  };

  // Charts: columns of figures from the API, drawn by uPlot in the page's own ink.
  const ink = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };
  const three = (value) => `${Number(value.toPrecision(3))}`;
  const short = (value) => value == null ? "–" : value >= 1e9 ? `${three(value / 1e9)} G` :
    value >= 1e6 ? `${three(value / 1e6)} M` : value >= 1e3 ? `${three(value / 1e3)} k` : three(value);
  const drawn = new Map();
  const drawChart = async (place) => {
    const answer = await fetch(place.dataset.chart);
    if (!answer.ok) return;
    const { times, series } = await answer.json();
    const names = JSON.parse(place.dataset.series);
    const columns = [times.map((ms) => ms / 1000), ...names.map(([key]) => series[key] ?? [])];
    const axis = { stroke: ink("ink-faint"), font: "12px system-ui, sans-serif", grid: { stroke: ink("line"), width: 1 }, ticks: { stroke: ink("line"), width: 1, size: 4 } };
    const inks = ["ink", "calm", "warn"];
    const options = {
      width: Math.max(place.clientWidth, 120), height: 190, cursor: { y: false, points: { size: 6 } }, legend: { live: true },
      scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] } },
      axes: [{ ...axis, space: 70, values: "{HH}:{mm}" }, { ...axis, size: 52, values: (_, ticks) => ticks.map(short) }],
      series: [{ label: place.dataset.time, value: (_, at) => at == null ? "–" : zoned.format(new Date(at * 1000)) },
        ...names.map(([key, label], index) => ({ label, stroke: ink(inks[index]), width: 1.5, points: { show: false }, value: (_, v) => short(v), dash: index === 1 ? [5, 3] : [] }))],
    };
    drawn.get(place)?.destroy();
    place.replaceChildren();
    drawn.set(place, new uPlot(options, columns, place));
  };
  const drawCharts = () => {
    for (const place of document.querySelectorAll("[data-chart]")) drawChart(place).catch(() => {});
  };
  let resized = null;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => {
    for (const [place, chart] of drawn) if (place.isConnected) chart.setSize({ width: Math.max(place.clientWidth, 120), height: 190 });
  }, 120); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);

  // What changes pages without leaving them.
  body.addEventListener("htmx:afterSwap", (event) => { showTimes(document); prepare(document); say(document.getElementById("told")?.textContent); void event; });
  body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 401) location.reload();
  });

  showTimes(document);
  prepare(document);
  if (window.uPlot) drawCharts();
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
})();
