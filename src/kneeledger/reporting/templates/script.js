"use strict";
(() => {
  const number = (text) => { const v = parseFloat(text); return Number.isNaN(v) ? null : v; };

  // tables: a button in each heading sorts; the order of the file is the last resort
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const key = (row, at) => {
      const cell = row.cells[at];
      const text = cell.dataset.v ?? cell.textContent.trim();
      return text === "" ? null : table.tHead.rows[0].cells[at].classList.contains("n") ? number(text) : text.toLowerCase();
    };
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      const tags = [...head.querySelectorAll("a")];
      tags.forEach((tag) => tag.remove());
      button.append(...head.childNodes);
      head.append(button, ...tags.flatMap((tag) => [" ", tag]));
      button.addEventListener("click", () => {
        const first = head.classList.contains("n") || at === 0 ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        const way = order === "ascending" ? 1 : -1;
        const sorted = rows.map((row, index) => [key(row, at), index, row]).sort((a, b) => {
          if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null) || a[1] - b[1];
          return way * (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) || a[1] - b[1];
        });
        body.append(...sorted.map((one) => one[2]));
      });
    });
  }

  // the filter of the activities
  for (const form of document.querySelectorAll("form.filters")) {
    const table = document.getElementById(form.dataset.for);
    if (!table) continue;
    const rows = [...table.tBodies[0].rows].map((row) => ({
      row, text: row.textContent.toLowerCase(), day: (row.cells[0].dataset.v ?? "").slice(0, 10),
      sport: row.cells[1].textContent.split(",")[0].trim().toLowerCase(),
    }));
    const count = form.querySelector(".count");
    const filter = () => {
      const want = new FormData(form);
      const words = String(want.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
      let seen = 0;
      for (const one of rows) {
        const fits = words.every((word) => one.text.includes(word))
          && (!want.get("sport") || one.sport === String(want.get("sport")).toLowerCase())
          && (!want.get("from") || one.day >= want.get("from")) && (!want.get("to") || one.day <= want.get("to"));
        one.row.hidden = !fits;
        seen += fits;
      }
      count.textContent = seen === rows.length ? `${seen} activities` : `${seen} of ${rows.length} activities`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  }

  // along the route: pointer, touch or the slider read one place in every chart of the activity
  for (const act of document.querySelectorAll("[data-act]")) {
    const block = act.querySelector("script.readout");
    const look = act.querySelector(".look");
    if (!block || !look) continue;
    const data = JSON.parse(block.textContent);
    const slider = look.querySelector("input");
    const output = look.querySelector("output");
    const far = data.x.length - 1;
    const mile = 1609.344, imperial = data.units === "imperial";
    const clock = (s) => { const m = Math.floor(s / 60), r = String(Math.round(s) % 60).padStart(2, "0");
      return m < 60 ? `${m}:${r}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${r}`; };
    const minus = (text) => text.replace("-", "\u2212");
    const speed = (v) => {
      if (!v) return null;
      if (data.way === "ride") return imperial ? `${(v * 3600 / mile).toFixed(1)} mph` : `${(v * 3.6).toFixed(1)} km/h`;
      return v < 0.5 ? null : `${clock((imperial ? mile : 1000) / v)}/${imperial ? "mi" : "km"}`;
    };
    const at = (name, i) => (data[name] ? data[name][i] : null);
    const told = (i) => {
      const parts = [];
      const put = (name, text) => { if (text !== null) parts.push([name, text]); };
      put("at", data.along === "m" ? (imperial ? `${(data.x[i] / mile).toFixed(2)} mi` : `${(data.x[i] / 1000).toFixed(2)} km`) : clock(data.x[i]));
      if (data.along === "m" && at("t", i) !== null) put("time", clock(at("t", i)));
      if (at("g", i) !== null) put("grade", minus(`${at("g", i).toFixed(1)} %`));
      put(data.way === "ride" ? "speed" : "pace", speed(at("v", i)));
      if (at("c", i) !== null) put("cadence", `${at("c", i)} ${data.way === "ride" ? "rpm" : "steps/min"}`);
      if (at("k", i) !== null) put("knee load", `${at("k", i).toFixed(2)} BW` + (at("l", i) !== null && at("h", i) !== null ? ` (${at("l", i).toFixed(2)}\u2013${at("h", i).toFixed(2)})` : ""));
      if (at("a", i) !== null) put("height", imperial ? `${Math.round(at("a", i) / 0.3048)} ft` : `${Math.round(at("a", i))} m`);
      return parts;
    };
    const charts = [...act.querySelectorAll(".route svg[data-plot]")].map((svg) => {
      const [left, top, right, bottom] = svg.dataset.plot.split(" ").map(Number);
      const [from, to] = svg.dataset.x.split(" ").map(Number);
      const seconds = svg.dataset.xUnit === "s";
      const panels = (svg.dataset.panels || `${top} ${bottom}`).split(" ").map(Number);
      const hair = document.createElementNS("http://www.w3.org/2000/svg", "path");
      hair.setAttribute("class", "hair"); hair.style.display = "none";
      svg.append(hair);
      const along = seconds ? data.t : data.x;
      return { svg, left, right, from, to, hair, along, panels };
    });
    const show = (i) => {
      slider.value = i;
      const parts = told(i);
      output.replaceChildren(...parts.map(([name, text]) => {
        const span = document.createElement("span"), label = document.createElement("i");
        label.textContent = `${name} `;
        span.append(label, text);
        return span;
      }));
      slider.setAttribute("aria-valuetext", parts.map((part) => part.join(" ")).join(", "));
      for (const one of charts) {
        const value = one.along[i];
        const x = one.left + (value - one.from) / (one.to - one.from) * (one.right - one.left);
        one.hair.style.display = value === null || x < one.left - 1 || x > one.right + 1 ? "none" : "";
        let line = "";
        for (let k = 0; k < one.panels.length; k += 2) line += `M${x} ${one.panels[k]}V${one.panels[k + 1]}`;
        one.hair.setAttribute("d", line);
      }
    };
    const nearest = (along, value) => {
      let best = 0, gap = Infinity;
      for (let i = 0; i <= far; i++) {
        const away = along[i] === null ? Infinity : Math.abs(along[i] - value);
        if (away < gap) { gap = away; best = i; }
      }
      return best;
    };
    for (const one of charts) {
      const move = (event) => {
        const box = one.svg.getBoundingClientRect();
        const width = one.svg.viewBox.baseVal.width;
        const x = (event.clientX - box.left) / box.width * width;
        if (x < one.left - 8 || x > one.right + 8) return;
        show(nearest(one.along, one.from + (x - one.left) / (one.right - one.left) * (one.to - one.from)));
      };
      one.svg.addEventListener("pointermove", move);
      one.svg.addEventListener("pointerdown", move);
    }
    slider.max = far;
    slider.addEventListener("input", () => show(Number(slider.value)));
    look.hidden = false;
    show(0);
  }
})();
