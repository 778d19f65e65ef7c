"""The C of the cells, one function each: from the sums a = U x + b and u = W h (+ d) to the next state.

A line `h[i] = h1;` or `s[i] = s1;` is where zoneout, at run time its mean, mixes the old state into the new.
"""

ELMAN_TANH = """\
/* Elman 1990: h = tanh(a + u). */
static void cell(const float *a, const float *u, int units, float *h)
{
    int i;
    for (i = 0; i < units; i++) {
        const float h1 = tangent(a[i] + u[i]);
        h[i] = h1;
    }
}
"""

ELMAN_RELU = """\
/* Elman's cell with relu: h = max(a + u, 0). */
static void cell(const float *a, const float *u, int units, float *h)
{
    int i;
    for (i = 0; i < units; i++) {
        const float sum = a[i] + u[i], h1 = sum < 0.0f ? 0.0f : sum;
        h[i] = h1;
    }
}
"""

GRU = """\
/* GRU, Cho et al. 2014, the reset gate after the product; gates r z n:
   r, z = sigmoid(a + u)    n = tanh(a_n + r u_n)    h = n + z (h - n). */
static void cell(const float *a, const float *u, int units, float *h)
{
    int i;
    for (i = 0; i < units; i++) {
        const float r = sigmoid(a[i] + u[i]);
        const float z = sigmoid(a[units + i] + u[units + i]);
        const float n = tangent(FUSED(r, u[2 * units + i], a[2 * units + i]));
        const float h1 = FUSED(z, h[i] - n, n);
        h[i] = h1;
    }
}
"""

LSTM = """\
/* LSTM, Hochreiter & Schmidhuber 1997, Gers et al. 2000; gates i f g o:
   i, f, o = sigmoid(a + u)    g = tanh(a_g + u_g)    s = f s + i g    h = o tanh(s). */
static void cell(const float *a, const float *u, int units, float *h, float *s)
{
    int i;
    for (i = 0; i < units; i++) {
        const float in = sigmoid(a[i] + u[i]);
        const float forget = sigmoid(a[units + i] + u[units + i]);
        const float g = tangent(a[2 * units + i] + u[2 * units + i]);
        const float out = sigmoid(a[3 * units + i] + u[3 * units + i]);
        const float s1 = FUSED(forget, s[i], in * g), h1 = out * tangent(s1);
        h[i] = h1;
        s[i] = s1;
    }
}
"""

CELLS = {
    ("elman", "tanh"): ELMAN_TANH,
    ("elman", "relu"): ELMAN_RELU,
    ("gru", "tanh"): GRU,
    ("lstm", "tanh"): LSTM,
}
