// Sorts a table by the column whose header is clicked; absent values stay last.
function sortBy(header) {
  const table = header.closest("table");
  const body = table.tBodies[0];
  const up = header.getAttribute("aria-sort") !== "ascending";
  const text = row => row.cells[header.cellIndex].textContent;
  const numeric = header.classList.contains("number");
  const rows = Array.from(body.rows).sort((x, y) => {
    const a = text(x), b = text(y);
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
    return up ? order : -order;
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...rows);
}

for (const header of document.querySelectorAll(".scroll th")) {
  header.tabIndex = 0;
  header.addEventListener("click", () => sortBy(header));
  header.addEventListener("keydown", event => { if (event.key === "Enter") sortBy(header); });
}

// The exact value of a heat map's cell, beside the pointer.
const tip = document.getElementById("tip");
document.addEventListener("mousemove", event => {
  const cell = event.target.closest("[data-tip]");
  tip.style.display = cell ? "block" : "none";
  if (!cell) return;
  tip.textContent = cell.dataset.tip;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = (event.clientY + 18) + "px";
});
