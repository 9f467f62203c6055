"""The parts of a fleet's page that are the same in each: its policy, its style, its script."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'"

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --soft: #59636e; --page: #fff; --line: #d1d9e0;
  --card: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --gone: #9a6700; --open: #818b98; --bar: #0969da; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --page: #0d1117;
  --line: #3d444d; --card: #151b23; --good: #3fb950; --bad: #f85149; --gone: #d29922; --open: #656c76;
  --bar: #4493f8; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 1200px; margin: 0 auto; padding: 24px 16px; }
h1 { font-size: 24px; margin: 0 0 12px; } h2 { font-size: 18px; margin: 0; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 0 0 20px; }
dt { color: var(--soft); font-size: 13px; } dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 12px;
  margin-bottom: 24px; }
figure { margin: 0; padding: 12px; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
figcaption { font-size: 13px; color: var(--soft); } figcaption strong { color: var(--text); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 12px; fill: var(--soft); }
svg line { stroke: var(--line); }
.succeeded { fill: var(--good); } .failed { fill: var(--bad); } .cancelled { fill: var(--gone); }
.not-ended { fill: var(--open); } .bar { fill: var(--bar); } .area { fill: var(--bar); }
.tools { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: baseline; margin-bottom: 8px; }
#count { color: var(--soft); font-size: 13px; }
input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line);
  border-radius: 6px; padding: 2px 8px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px; border-top: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
thead th { border-top: 0; background: var(--card); white-space: nowrap; overflow-wrap: normal; }
:is(th, td):is(:nth-child(1), :nth-child(4), :nth-child(5)) { text-align: right; white-space: nowrap; }
td:nth-child(2) { min-width: 12ch; } td:nth-child(6) { color: var(--soft); }
tr.succeeded td:nth-child(3) { color: var(--good); } tr.failed td:nth-child(3) { color: var(--bad); }
tr.cancelled td:nth-child(3) { color: var(--gone); }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; }
th[aria-sort="ascending"] button::after { content: " \\2191"; }
th[aria-sort="descending"] button::after { content: " \\2193"; }
"""

SCRIPT = """
(() => {
  const table = document.getElementById("items");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const value = (row, column, kind) => {
    const cell = row.cells[column];
    const raw = cell.dataset.value ?? cell.textContent;
    return kind === "number" ? Number(raw) : raw;
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const kind = head.dataset.kind;
    rows.sort((left, right) => {
      const a = value(left, column, kind), b = value(right, column, kind);
      const order = kind === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
      return up ? order : -order;
    });
    body.append(...rows);
  }));
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    document.getElementById("count").textContent = `${shown.toLocaleString("en")} items`;
  });
})();
"""
