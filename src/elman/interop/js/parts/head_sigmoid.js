// p = 1 / (1 + e^-y), a probability for each label.
export function sigmoid(y) {
  return y.map((value) => 1 / (1 + Math.exp(-value)));
}
