const weights = readWeights(WEIGHTS);

// Zoneout at run time, its mean: a share of the old state stays.
function held(before, after) {
  return spec.zoneout ? after + spec.zoneout * (before - after) : after;
}

// to += M x: `count` columns of M from `start` on, `across` numbers a row. Sums are float64; eight rows at
// once keep the processor busy, where one sum would wait for itself.
function addProduct(M, start, across, x, count, to) {
  const rows = to.length;
  let i = 0;
  for (; i + 8 <= rows; i += 8) {
    const p0 = start + i * across;
    const p1 = p0 + across;
    const p2 = p1 + across;
    const p3 = p2 + across;
    const p4 = p3 + across;
    const p5 = p4 + across;
    const p6 = p5 + across;
    const p7 = p6 + across;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let sum4 = 0;
    let sum5 = 0;
    let sum6 = 0;
    let sum7 = 0;
    for (let j = 0; j < count; j++) {
      const value = x[j];
      sum0 += M[p0 + j] * value;
      sum1 += M[p1 + j] * value;
      sum2 += M[p2 + j] * value;
      sum3 += M[p3 + j] * value;
      sum4 += M[p4 + j] * value;
      sum5 += M[p5 + j] * value;
      sum6 += M[p6 + j] * value;
      sum7 += M[p7 + j] * value;
    }
    to[i] += sum0;
    to[i + 1] += sum1;
    to[i + 2] += sum2;
    to[i + 3] += sum3;
    to[i + 4] += sum4;
    to[i + 5] += sum5;
    to[i + 6] += sum6;
    to[i + 7] += sum7;
  }
  for (; i < rows; i++) {
    const p = start + i * across;
    let sum = 0;
    for (let j = 0; j < count; j++) sum += M[p + j] * x[j];
    to[i] += sum;
  }
}

function add(from, to) {
  for (let i = 0; i < to.length; i++) to[i] += from[i];
}

// Layer normalization, Ba, Kiros & Hinton 2016: x = g (x - mean x) / sqrt(var x + 1e-5).
function normalize(gain, x) {
  let mean = 0;
  for (let i = 0; i < x.length; i++) mean += x[i];
  mean /= x.length;
  let variance = 0;
  for (let i = 0; i < x.length; i++) variance += (x[i] - mean) ** 2;
  const scale = 1 / Math.sqrt(variance / x.length + 1e-5);
  for (let i = 0; i < x.length; i++) x[i] = (x[i] - mean) * scale * gain[i];
}

// What symbols add to the sums of the first layer: the columns of U, one after the other.
function transposed(M, rows, across, count) {
  const columns = new Numbers(rows * count);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < count; j++) columns[j * rows + i] = M[i * across + j];
  }
  return columns;
}

const layers = spec.widths.map((H, k) => {
  const of = (name) => weights[`layers.${k}.${name}`];
  const sums = spec.gates * H;
  return {
    H,
    reads: k ? spec.widths[k - 1] : spec.reads,
    U: of("U"),
    W: of("W"),
    b: of("b"),
    d: of("d"), // of the GRU alone: its u has a bias of its own
    gU: of("gU"), // of layer normalization alone
    gW: of("gW"),
    begin: { h: of("h0"), s: of("s0") }, // of a learned initial state alone
    a: new Float64Array(sums),
    u: new Float64Array(sums),
  };
});
const [first] = layers;
const E = weights["embedding.E"];
const V = weights["head.V"] ?? E; // tied: the embedding is the head's matrix
const columns = E ? null : transposed(first.U, first.a.length, spec.reads, spec.inputs);
const x = new Numbers(spec.reads);
const sums = new Float64Array(spec.outputs);

// A new state; seed: of the random numbers of `chance`.
export function createState(seed = 0) {
  const states = layers.map(({ H }) =>
    Object.fromEntries(spec.states.map((name) => [name, new Numbers(H)])),
  );
  const state = { layers: states, random: seed >>> 0 };
  reset(state);
  return state;
}

// Begin a new sequence; the random numbers go on.
export function reset(state) {
  state.layers.forEach((own, k) => {
    for (const name of spec.states) own[name].set(layers[k].begin[name] ?? new Numbers(layers[k].H));
  });
}

function checkSymbol(symbol) {
  if (!(Number.isInteger(symbol) && symbol >= 0 && symbol < spec.inputs)) {
    throw new RangeError(`symbols run from 0 to ${spec.inputs - 1}; ${String(symbol)} came`);
  }
}

function checkVector(what, vector, size) {
  if (vector?.length !== size) {
    throw new RangeError(`${what}: expected ${size} numbers; ${vector?.length ?? String(vector)} came`);
  }
}

// One step: the state moves on. Returns y, an array of its own: STEPGIVES
//   input: STEPREADS
export function step(state, input, features) {
  readInput(input, features);
  let below = x;
  for (let k = 0; k < layers.length; k++) {
    const { W, U, b, d, gU, gW, a, u, H, reads } = layers[k];
    const own = state.layers[k];
    if (k) {
      a.fill(0);
      addProduct(U, 0, reads, below, reads, a);
    }
    if (gU) normalize(gU, a);
    add(b, a);
    u.fill(0);
    addProduct(W, 0, H, own.h, H, u);
    if (gW) normalize(gW, u);
    if (d) add(d, u);
    cell(a, u, own);
    below = own.h;
  }
  sums.set(weights["head.c"]);
  addProduct(V, 0, below.length, below, below.length, sums);
  return Numbers.from(sums);
}
