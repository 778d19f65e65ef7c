
// ------------------------------------------------------------------------------------------ the page
// What is typed and what symbols spell is data: it goes into the page as textContent and value alone.

const SHOWN = 12; // bars
const APART = 64; // symbols between the states that are kept, so that an edit need not begin anew
const PACE = 40; // ms from one symbol that is written to the next
const by = (id) => document.getElementById(id);
const text = by("text");
const UNKNOWN = spec.first - 1; // never drawn; -1 where nothing can be unknown
const lineEnd = encode("\n").find((symbol) => symbol !== UNKNOWN);

let state = createState(crypto.getRandomValues(new Uint32Array(1))[0]);
let logits = null; // of the next symbol; none before a network without a line end has read one
let before = null; // and of the last one
let symbols = []; // what was read since the beginning
let kept = []; // [state, logits, before] after 0, APART, 2 APART ... symbols
let drawn = 0; // how many of the last symbols the network wrote
let head = ""; // the text before those
let timer = null; // of the next symbol that is written

function begin() {
  reset(state);
  logits = lineEnd === undefined ? null : step(state, lineEnd);
  [symbols, before, kept] = [[], null, []];
  keep();
}

function keep() {
  if (symbols.length % APART === 0) kept[symbols.length / APART] = [saveState(state), logits, before];
}

function read(symbol) {
  before = logits;
  if (LINES && symbol === lineEnd) reset(state);
  logits = step(state, symbol);
  symbols.push(symbol);
  keep();
}

// Go on from the last state that is still right: after a key, one step; after an edit, at most from there.
function follow(wanted) {
  let same = 0;
  while (same < symbols.length && same < wanted.length && symbols[same] === wanted[same]) same++;
  if (same < symbols.length) {
    const place = Math.floor(same / APART);
    state = loadState(kept[place][0], state.random);
    [, logits, before] = kept[place];
    symbols.length = place * APART;
  }
  for (const symbol of wanted.slice(symbols.length)) read(symbol);
}

// Before the first symbol all are equal.
const nothing = new Float64Array(spec.outputs);

const NAMES = new Map([
  ["\n", "\u23ce line end"],
  [" ", "\u2423 blank"],
  ["\t", "\u21e5 tab"],
]);

// A symbol as it can be read: what has no shape of its own is named by its number.
function name(symbol) {
  if (symbol === UNKNOWN) return "unknown";
  const spelled = decode([symbol]);
  if (NAMES.has(spelled)) return NAMES.get(spelled);
  if (symbol < 256 && spelled === "\ufffd") return `byte ${symbol.toString(16).padStart(2, "0")}`;
  const shapeless = /[\p{C}\p{Zl}\p{Zp}]|^\p{M}/gu;
  const number = (letter) => `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return spelled.replace(shapeless, number).replaceAll(" ", "\u2423");
}

function percent(chance) {
  return chance >= 0.0005 ? `${(100 * chance).toFixed(1)} %` : "< 0.1 %";
}

// The bars: made once, then only their words and widths change, so that they can be seen to move.
const bars = Array.from({ length: Math.min(SHOWN, spec.outputs) }, () => {
  const [item, button, bar, label, share] = ["li", "button", "span", "span", "span"].map((tag) =>
    document.createElement(tag),
  );
  button.type = "button";
  [bar.className, label.className, share.className] = ["bar", "name", "share"];
  bar.setAttribute("aria-hidden", "true");
  button.append(bar, label, share);
  item.append(button);
  by("chances").append(item);
  const made = { button, bar, label, share, symbol: 0 };
  button.addEventListener("click", () => write(made.symbol));
  return made;
});

function cost() {
  if (before === null || symbols.length === 0) return "";
  const last = symbols.at(-1);
  return `The last symbol, ${name(last)}, cost ${(-Math.log2(softmax(before)[last])).toFixed(1)} bits.`;
}

function show() {
  const p = softmax(logits ?? nothing);
  const order = Array.from(p.keys()).sort((one, other) => p[other] - p[one]);
  bars.forEach((made, k) => {
    made.symbol = order[k];
    made.label.textContent = name(order[k]);
    made.share.textContent = percent(p[order[k]]);
    made.bar.style.width = `${100 * p[order[k]]}%`;
    made.button.disabled = order[k] === UNKNOWN;
  });
  const others = order.slice(bars.length).reduce((sum, symbol) => sum + p[symbol], 0);
  by("rest").textContent =
    order.length > bars.length ? `${order.length - bars.length} others: ${percent(others)}` : "";
  by("cost").textContent = cost();
  clearTimeout(show.later); // a screen reader hears where the typing pauses, not every key
  show.later = setTimeout(() => {
    const best = order.slice(0, 3).map((symbol) => `${name(symbol)} ${percent(p[symbol])}`);
    by("told").textContent = `Next: ${best.join(", ")}`;
  }, 700);
}

// The network reads a symbol that it wrote, or that was chosen among the bars.
function write(symbol) {
  if (drawn === 0) head = text.value;
  read(symbol);
  drawn += 1;
  const tail = decode(symbols.slice(-drawn));
  const blank = vocabulary.kind === "words" && head !== "" && !/\s$/u.test(head) && !tail.startsWith("\n");
  text.value = head + (blank ? " " : "") + tail;
  text.scrollTop = text.scrollHeight;
  show();
}

function writeOn() {
  if (text.value.length >= text.maxLength) return stop();
  const symbol = sample(state, logits ?? nothing, Number(by("temperature").value));
  write(symbol);
  timer = setTimeout(writeOn, PACE);
}

function stop() {
  clearTimeout(timer);
  timer = null;
  by("write").textContent = "Write on";
  by("write").classList.remove("on");
}

function typed() {
  stop();
  drawn = 0;
  follow(encode(text.value));
  show();
}

text.addEventListener("input", typed);
by("write").addEventListener("click", () => {
  if (timer !== null) return stop();
  by("write").textContent = "Stop";
  by("write").classList.add("on");
  writeOn();
});
by("clear").addEventListener("click", () => {
  text.value = "";
  typed();
  text.focus();
});
by("temperature").addEventListener("input", (event) => {
  by("degree").textContent = Number(event.target.value).toFixed(1);
});
begin();
follow(encode(text.value)); // what a browser has kept from before
show();
