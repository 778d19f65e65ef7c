// 1 / (1 + e^-x)
function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

// LSTM, Hochreiter & Schmidhuber 1997, Gers et al. 2000: a = U x + b, u = W h; gates i f g o.
//   i, f, o = logistic(a + u)    g = tanh(a_g + u_g)    s = f s + i g    h = o tanh(s)
function cell(a, u, { h, s }) {
  const H = h.length;
  for (let k = 0; k < H; k++) {
    const i = logistic(a[k] + u[k]);
    const f = logistic(a[H + k] + u[H + k]);
    const g = Math.tanh(a[2 * H + k] + u[2 * H + k]);
    const o = logistic(a[3 * H + k] + u[3 * H + k]);
    const s1 = f * s[k] + i * g;
    h[k] = held(h[k], o * Math.tanh(s1));
    s[k] = held(s[k], s1);
  }
}
