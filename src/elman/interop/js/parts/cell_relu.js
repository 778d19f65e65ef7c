// Elman's cell with relu: h = max(a + u, 0). The sums a = U x + b and u = W h come in.
function cell(a, u, { h }) {
  for (let i = 0; i < h.length; i++) {
    h[i] = held(h[i], Math.max(a[i] + u[i], 0));
  }
}
