// p = softmax(y / temperature), the probabilities of the next symbol.
export function softmax(y, temperature = 1) {
  const top = y.reduce((most, value) => Math.max(most, value), -Infinity);
  const parts = Float64Array.from(y, (value) => Math.exp((value - top) / temperature));
  const sum = parts.reduce((all, value) => all + value, 0);
  return Numbers.from(parts, (value) => value / sum);
}

// The next random number of the state, 0 <= chance < 1: SplitMix with the end of MurmurHash3, 24 bits.
export function chance(state) {
  state.random = (state.random + 0x9e3779b9) >>> 0;
  let z = state.random;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  z ^= z >>> 16;
  return (z >>> 8) / 16777216;
}

// Draw a symbol from softmax(y / temperature)WITHOUT; temperature 0: the most probable one.
export function sample(state, y, temperature = 1) {
  let best = spec.first;
  for (let i = spec.first; i < y.length; i++) if (y[i] > y[best]) best = i;
  if (!(temperature > 0)) return best;
  let sum = 0;
  for (let i = spec.first; i < y.length; i++) sum += Math.exp((y[i] - y[best]) / temperature);
  const reach = sum * chance(state);
  let reached = 0;
  for (let i = spec.first; i < y.length; i++) {
    reached += Math.exp((y[i] - y[best]) / temperature);
    if (reached > reach) return i;
  }
  return best;
}
