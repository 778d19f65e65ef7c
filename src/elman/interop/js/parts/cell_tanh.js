// Elman 1990: h = tanh(a + u). The sums a = U x + b and u = W h come in.
function cell(a, u, { h }) {
  for (let i = 0; i < h.length; i++) {
    h[i] = held(h[i], Math.tanh(a[i] + u[i]));
  }
}
