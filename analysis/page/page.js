"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");

  // Draws the map of any column, at the end or at the best epoch.
  const source = $("map-data");
  if (source) {
    const data = JSON.parse(source.textContent);
    const shown = (x) => {
      if (x === null) return "";
      const size = Math.abs(x);
      if (size >= 10000) return Math.round(x).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
      return size >= 1000 || Number.isInteger(x) ? x.toFixed(0) : x.toPrecision(size >= 1 ? 4 : 3);
    };
    const draw = () => {
      const name = $("map-column").value, values = data.values[$("map-moment").value][name] || {};
      const about = data.columns.find((c) => c.name === name);
      $("map-about").textContent = `${name}: ${about.about}${about.unit ? ` (${about.unit})` : ""}`;
      const means = Object.values(values).flat().map((row) => row[2]);
      const low = Math.min(...means), span = Math.max(...means) - low || 1;
      for (const table of document.querySelectorAll("table.map")) {
        const line = table.dataset.line, cells = new Map();
        for (const row of values[line] || []) cells.set(`${row[0]},${row[1]}`, row);
        for (const cell of table.querySelectorAll("td")) {
          const row = cells.get(`${cell.dataset.m},${cell.dataset.n}`);
          cell.className = row ? `s${Math.round(8 * (row[2] - low) / span)}` : "none";
          cell.textContent = row ? shown(row[2]) : "";
          if (!row) { cell.removeAttribute("title"); cell.removeAttribute("tabindex"); continue; }
          const ends = row[3] === null ? "" : ` [${shown(row[3])}, ${shown(row[4])}]`;
          cell.title = `${line}, m_z=${row[0]}, n_c=${row[1]}: ${shown(row[2])}${ends}, n=${row[5]}`;
          cell.tabIndex = 0;
        }
      }
    };
    const describe = (event) => {
      const cell = event.target.closest("td[title]");
      if (cell) $("map-value").textContent = `${$("map-column").value} of ${cell.title}`;
    };
    $("map-column").addEventListener("change", draw);
    $("map-moment").addEventListener("change", draw);
    for (const kind of ["mouseover", "focusin", "click"]) $("map-tables").addEventListener(kind, describe);

    // Offers the trials of a cell that was clicked, by filtering the table of trials.
    const offer = (event) => {
      const cell = event.target.closest("td[title]"), filter = $("trials-filter");
      if (!cell || !filter || (event.type === "keydown" && event.key !== "Enter")) return;
      filter.value = `${cell.closest("table").dataset.line} m_z=${cell.dataset.m} n_c=${cell.dataset.n}`;
      filter.dispatchEvent(new Event("input"));
      const link = document.createElement("a");
      link.href = "#trials";
      link.textContent = `${$("trials-count").textContent} listed below: ${filter.value}`;
      $("map-trials").replaceChildren(link);
    };
    for (const kind of ["click", "keydown"]) $("map-tables").addEventListener(kind, offer);
  }

  // Sorts trials by a column, and filters them by words and comparisons.
  const table = $("trials-table");
  if (table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const value = (row, at) => {
      const cell = row.cells[at];
      if (!heads[at].classList.contains("number")) return cell.textContent;
      return cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
    };
    heads.forEach((head, at) => {
      if (head.classList.contains("curve")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows], sign = up ? 1 : -1;
        rows.sort((a, b) => {
          const x = value(a, at), y = value(b, at);
          if (typeof x === "string") return sign * x.localeCompare(y);
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return sign * (x - y);
        });
        body.append(...rows);
      });
    });
    const tests = { "=": (a, b) => a === b, ">": (a, b) => a > b, "<": (a, b) => a < b };
    const meets = (row, word) => {
      const found = word.match(/^([^=<>]+)([=<>])(.+)$/);
      const name = found && found[1].toLowerCase();
      const at = found ? heads.findIndex((h) => h.dataset.name.toLowerCase().replace(/ /g, "_") === name) : -1;
      if (at < 0) return row.textContent.toLowerCase().includes(word.toLowerCase());
      const is = value(row, at);
      return typeof is === "string" ? is.toLowerCase().includes(found[3].toLowerCase()) : tests[found[2]](is, Number(found[3]));
    };
    $("trials-filter").addEventListener("input", (event) => {
      const words = event.target.value.trim().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of body.rows) {
        row.hidden = !words.every((word) => meets(row, word));
        left += !row.hidden;
      }
      $("trials-count").textContent = words.length ? `${left} of ${body.rows.length} trials` : `${left} trials`;
    });
  }

  // Shows the claims of one verdict.
  if ($("claims-filter")) $("claims-filter").addEventListener("change", (event) => {
    for (const item of $("claims-list").children) item.hidden = ![item.dataset.verdict, ""].includes(event.target.value);
  });

  // Adds a button to each command that copies it, and opens all details before printing.
  for (const code of document.querySelectorAll(".commands code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${code.textContent}`);
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
    });
    code.after(button);
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
