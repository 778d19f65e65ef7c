
// What the text and its symbols spell is data: it goes into the page as textContent alone.

const by = (id) => document.getElementById(id);
const facts = JSON.parse(by("facts-data").textContent);
const text = by("text"); // none where the network reads numbers
const elements = text ? [...text.querySelectorAll("i")] : [];
const ends = elements.map((element) => element.classList.contains("n"));
const written = elements.map((element) => element.className); // the colors without a script: surprisal
const LEVELS = 7; // of a color
const AROUND = 40; // steps before and after, in the curves
const SVG = "http://www.w3.org/2000/svg";
const steps = facts.steps;
const arrays = {}; // of the steps: x, top, chances, cost, rank, entropy
let blocks = []; // of units, gates and inputs, once they are inflated
let chosen = null; // { block, row, unit }
let at = 0;

// ------------------------------------------------------------------------------------------ numbers

async function inflated(id) {
  const packed = atob(by(id).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let k = 0; k < packed.length; k++) bytes[k] = packed.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

const TYPES = { Uint8: Uint8Array, Uint16: Uint16Array, Uint32: Uint32Array };

async function readSteps() {
  const buffer = await inflated("steps-data");
  for (const [name, { start, kind, length }] of Object.entries(facts.arrays)) {
    arrays[name] = new TYPES[kind](buffer, start, length);
  }
}

async function readUnits() {
  const buffer = await inflated("units-data");
  blocks = facts.blocks.map((block) => ({
    ...block,
    codes: new Uint8Array(buffer, block.start, block.count * block.steps),
    units: block.units ?? Array.from({ length: block.count }, (_, k) => k),
  }));
}

const of = (end, row) => (Array.isArray(end) ? end[row] : end);
const range = ({ block, row }) => [of(block.low, row), of(block.high, row)];

function value({ block, row }, step) {
  if (step >= block.steps) return NaN;
  const [low, high] = range({ block, row });
  return low + (block.codes[row * block.steps + step] * (high - low)) / (block.levels - 1);
}

// ------------------------------------------------------------------------------------------ words

const minus = (words) => words.replace("-", "\u2212");
const signed = (number) => minus(number.toFixed(2));
const percent = (mille) => (mille ? `${(mille / 10).toFixed(1)} %` : "< 0.1 %");
const label = ({ block, unit }) => (block.name === "inputs" ? facts.inputs[unit] : `${block.name} ${unit}`);
const symbolAt = (step) => facts.names[arrays.x[step]];
const ordinal = (n) => `${n}${n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th")}`;

function costWords(step) {
  if (!arrays.cost) return "";
  if (step === 0) return " begins";
  return ` cost ${(arrays.cost[step] / 100).toFixed(2)} bits, ${ordinal(arrays.rank[step])} guess`;
}

function stepWords(step) {
  const parts = [];
  if (arrays.x) parts.push(`${symbolAt(step)}${costWords(step)}`);
  if (chosen) parts.push(`${label(chosen)} = ${signed(value(chosen, step))}`);
  for (const input of inputs()) parts.push(`${label(input)} ${signed(value(input, step))}`);
  if (arrays.entropy) parts.push(`entropy of what is next: ${(arrays.entropy[step] / 100).toFixed(2)} bits`);
  return parts.join(" \u00b7 ");
}

// ------------------------------------------------------------------------------------------ the step

const nextRows = Array.from({ length: facts.top }, () => {
  const [row, name, share] = ["tr", "th", "td"].map((tag) => document.createElement(tag));
  name.scope = "row";
  row.append(name, share);
  by("next").append(row);
  return { row, name, share };
});

function showNext() {
  const came = facts.next && at + 1 < steps ? arrays.x[at + 1] : -1;
  nextRows.forEach(({ row, name, share }, k) => {
    const symbol = arrays.top[at * facts.top + k];
    const mille = arrays.chances[at * facts.top + k];
    name.textContent = facts.next ? facts.names[symbol] : facts.answers[symbol];
    share.textContent = percent(mille);
    row.classList.toggle("came", symbol === came);
    row.style.setProperty("--share", `${mille / 10}%`);
  });
}

function go(step, { say = false, scroll = false } = {}) {
  elements[at]?.classList.remove("at");
  at = Math.max(0, Math.min(steps - 1, step));
  elements[at]?.classList.add("at");
  by("place").value = at;
  by("step").textContent = `${at + 1} of ${steps}`;
  const words = stepWords(at);
  by("here").textContent = words;
  by("place").setAttribute("aria-valuetext", words);
  if (arrays.top) showNext();
  drawLater();
  if (scroll) elements[at]?.scrollIntoView({ block: "nearest" });
  if (say) sayLater();
}

// A screen reader hears where the moving pauses, not every step.
let saying = 0;
function sayLater() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    const best = arrays.top && nextRows.slice(0, 3).map((r) => `${r.name.textContent} ${r.share.textContent}`);
    by("told").textContent = stepWords(at) + (best ? `. ${by("next-head").textContent}: ${best.join(", ")}` : "");
  }, 400);
}

// ------------------------------------------------------------------------------------------ colors

function recolor() {
  if (!text) return;
  const kind = by("color").value;
  by("legend-cost").hidden = kind !== "cost";
  by("legend-unit").hidden = chosen === null;
  if (chosen === null) {
    elements.forEach((element, k) => (element.className = written[k]));
  } else {
    const [low, high] = range(chosen);
    const most = Math.max(Math.abs(low), Math.abs(high));
    elements.forEach((element, k) => {
      const number = value(chosen, k);
      const level = Math.round((LEVELS * Math.abs(number)) / most);
      const color = level > 0 ? (number < 0 ? `m${level}` : `p${level}`) : "";
      element.className = ends[k] ? `n ${color}` : color;
    });
    by("legend-low").textContent = signed(Math.min(low, 0));
    by("legend-high").textContent = signed(high);
  }
  elements[at]?.classList.add("at");
}

function choose(name) {
  const [place, unit] = [name.slice(0, name.lastIndexOf(" ")), Number(name.slice(name.lastIndexOf(" ") + 1))];
  const block = blocks.find((one) => one.name === place);
  const row = block ? block.units.indexOf(unit) : -1;
  chosen = row < 0 ? null : { block, row, unit };
  by("color").value = chosen ? name : text && arrays.cost ? "cost" : "";
  recolor();
  go(at);
  for (const button of by("found").children) {
    button.setAttribute("aria-pressed", String(button.value === name));
  }
}

const isState = (block) => block.name in facts.total;
const inputs = () => {
  const block = blocks.find((one) => one.name === "inputs");
  return block ? block.units.map((unit, row) => ({ block, row, unit })).slice(0, 6) : [];
};

function listUnits() {
  const select = by("color");
  if (arrays.cost) select.append(new Option("surprisal", "cost"));
  for (const block of blocks.filter(isState)) {
    const group = document.createElement("optgroup");
    group.label = block.units.length < facts.total[block.name] ? `${block.name} (those that move most)` : block.name;
    for (const unit of block.units) group.append(new Option(`${block.name} ${unit}`, `${block.name} ${unit}`));
    select.append(group);
  }
  select.addEventListener("change", () => choose(select.value));
}

// ------------------------------------------------------------------------------------------ search

// The units that go most with a signal, along with it or against it.
function following(signal, count) {
  const ranked = [];
  for (const block of blocks.filter((one) => facts.follows?.[one.name])) {
    const r = facts.follows[block.name][signal];
    for (const unit of block.units) ranked.push({ name: `${block.name} ${unit}`, r: r[unit] / 100 });
  }
  return ranked.sort((one, other) => Math.abs(other.r) - Math.abs(one.r)).slice(0, count);
}

function matches(query) {
  const number = query.match(/(\d+)$/);
  const found = [];
  if (number) {
    const unit = Number(number[1]);
    const place = query.slice(0, number.index).trim();
    for (const block of blocks.filter(isState)) {
      if (block.units.includes(unit) && block.name.includes(place)) {
        found.push({ value: `${block.name} ${unit}`, words: `${block.name} ${unit}` });
      }
    }
  }
  const signals = facts.signals ?? [];
  const exact = signals.filter((signal) => signal.toLowerCase() === query);
  const near = signals.filter((signal) => signal.toLowerCase().includes(query) && !exact.includes(signal));
  for (const signal of [...exact, ...near].slice(0, 3)) {
    for (const { name, r } of following(signals.indexOf(signal), 4)) {
      found.push({ value: name, words: `${name}: ${signed(r)} with ${signal}` });
    }
  }
  return found;
}

function find() {
  const query = by("find").value.trim().toLowerCase();
  const found = query ? matches(query) : [];
  const buttons = found.map(({ value: name, words }) => {
    const button = document.createElement("button");
    [button.type, button.value, button.textContent] = ["button", name, words];
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => choose(name));
    return button;
  });
  by("found").replaceChildren(...buttons);
  by("found").hidden = buttons.length === 0;
  if (query) by("told").textContent = `${buttons.length} units found`;
}

// ------------------------------------------------------------------------------------------ curves

function drawn(tag, attributes, words) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, one] of Object.entries(attributes)) element.setAttribute(name, one);
  if (words !== undefined) element.textContent = words;
  return element;
}

// The chosen unit, its gates, and what the network reads where that is numbers.
function lines() {
  if (!chosen) return inputs().slice(0, 4);
  const place = chosen.block.name.slice(0, chosen.block.name.lastIndexOf("."));
  const gates = blocks.filter((block) => !isState(block) && block.name.startsWith(`${place}.`));
  return [
    chosen,
    ...gates.map((block) => ({ block, row: block.units.indexOf(chosen.unit), unit: chosen.unit })),
    ...inputs().slice(0, 2),
  ];
}

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "5 2", "1 2"];

function draw() {
  const shown = lines();
  by("near").hidden = shown.length === 0;
  if (!shown.length) return;
  const first = Math.max(0, Math.min(at - AROUND, steps - 2 * AROUND - 1));
  const last = Math.min(steps - 1, first + 2 * AROUND);
  const across = (step) => 8 + ((step - first) / Math.max(last - first, 1)) * 520;
  const parts = [
    drawn("path", { d: "M8 66H528", stroke: "var(--line)", fill: "none" }),
    drawn("path", { d: `M${across(at)} 4V128`, stroke: "var(--quiet)", fill: "none" }),
  ];
  shown.forEach((line, k) => {
    const most = Math.max(...range(line).map(Math.abs)) || 1;
    const points = [];
    for (let step = first; step <= last; step++) {
      const number = value(line, step);
      if (!Number.isNaN(number)) points.push(`${across(step).toFixed(1)} ${(66 - (60 * number) / most).toFixed(1)}`);
    }
    const look = { stroke: `var(--c${k % 6})`, fill: "none", "stroke-width": 1.8, "stroke-dasharray": DASHES[k % 6] };
    if (points.length) parts.push(drawn("path", { ...look, d: `M${points.join("L")}` }));
    parts.push(drawn("path", { ...look, d: `M536 ${14 + 16 * k}h20` }));
    parts.push(drawn("text", { x: 560, y: 18 + 16 * k }, label(line).replace("layers.", "")));
  });
  if (text) {
    for (let step = first; step <= last; step++) {
      const letter = [...symbolAt(step)][0];
      parts.push(drawn("text", { x: across(step), y: 144, "text-anchor": "middle" }, letter));
    }
  }
  by("curves").replaceChildren(...parts);
  const missing = chosen && shown.some((line) => at >= line.block.steps);
  by("near-said").textContent =
    `Steps ${first + 1} to ${last + 1}, each curve as a share of its range; the middle line is 0.` +
    (missing ? " Gates are carried for the first steps alone." : "");
}

let drawing = 0;
function drawLater() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(draw);
}

// ------------------------------------------------------------------------------------------ moving

function lineAway(direction) {
  const box = elements[at].getBoundingClientRect();
  for (let far = 1; far < 4; far++) {
    const y = box.top + box.height / 2 + direction * far * box.height;
    const there = document.elementFromPoint(box.left + 2, y);
    const element = there?.closest("#text i");
    if (element && element !== elements[at]) return element.step;
  }
  return at + direction;
}

const MOVES = {
  ArrowRight: () => at + 1,
  ArrowLeft: () => at - 1,
  ArrowDown: () => lineAway(1),
  ArrowUp: () => lineAway(-1),
  PageDown: () => at + 500,
  PageUp: () => at - 500,
  Home: () => 0,
  End: () => steps - 1,
};

function listen() {
  elements.forEach((element, k) => (element.step = k));
  const under = (event) => event.target.closest?.("#text i");
  text?.addEventListener("pointerover", (event) => under(event) && go(under(event).step));
  text?.addEventListener("click", (event) => under(event) && go(under(event).step, { say: true }));
  text?.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    elements[at].scrollIntoView({ block: "nearest" });
    go(move(), { say: true, scroll: true });
  });
  by("place").addEventListener("input", (event) => go(Number(event.target.value), { scroll: true }));
  by("find").addEventListener("input", find);
}

try {
  await readSteps();
  listen();
  by("panel").hidden = false;
  by("next").hidden = !arrays.top;
  go(0);
  await readUnits();
  listUnits();
  by("tools").hidden = false;
  if (!arrays.cost) choose(by("color").value);
  go(at);
  document.documentElement.dataset.ready = "yes";
} catch (error) {
  by("failed").hidden = false;
  by("failed").textContent =
    `This browser cannot unpack the numbers of this page (${error.message}); a newer one can. The text and the charts are whole.`;
}
