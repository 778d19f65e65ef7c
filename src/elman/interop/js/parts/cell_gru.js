// 1 / (1 + e^-x)
function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

// GRU, Cho et al. 2014, the reset gate after the product: a = U x + b, u = W h + d; gates r z n.
//   r, z = logistic(a + u)    n = tanh(a_n + r u_n)    h = n + z (h - n)
function cell(a, u, { h }) {
  const H = h.length;
  for (let i = 0; i < H; i++) {
    const r = logistic(a[i] + u[i]);
    const z = logistic(a[H + i] + u[H + i]);
    const n = Math.tanh(a[2 * H + i] + r * u[2 * H + i]);
    h[i] = held(h[i], n + z * (h[i] - n));
  }
}
