"""The C of sums and functions: what every exported file computes with, each piece only where it is called.

The constants are those of the compiled engine (native/coefficients.hpp), and so are the order of every sum
and the place of every rounding: on a processor with fused multiply-add the bits are the same.
"""

HEAD = """\
#ifdef __FAST_MATH__
#error "compile without -ffast-math: it takes apart how tanh and exp are computed here"
#endif

/* a * b + c, rounded once where the processor can: then the bits are those of elman's compiled engine. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__FP_FAST_FMAF)
#include <math.h>
#define FUSED(a, b, c) fmaf(a, b, c)
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif
"""

NUMBER = """\
typedef union {
    float value;
    uint32_t bits;
} number;
"""

POWER_OF_TWO = """\
/* 2^n; shifted is n + 127 + 1.5 * 2^23, whose lowest bits are the number n + 127. */
static float power_of_two(float shifted)
{
    number power;
    power.value = shifted;
    power.bits <<= 23;
    return power.value;
}
"""

EXPONENTIAL = """\
/* e^x = 2^n e^r, 0 <= r <= log 2: within 2.5 units of the last place. */
static float exponential(float x)
{
    const float limited = x < -87.6138f ? -87.6138f : x;
    const float sum = FUSED(limited, 1.44269502f, -0.4999f) + 12583039.0f;
    const float shifted = sum > 12583166.0f ? 12583166.0f : sum, n = shifted - 12583039.0f;
    const float r = FUSED(-n, 1.42860677e-06f, FUSED(-n, 0.693145752f, limited));
    float p = 0.0019467657f;
    p = FUSED(p, r, 0.00779686775f);
    p = FUSED(p, r, 0.0419110395f);
    p = FUSED(p, r, 0.166611701f);
    p = FUSED(p, r, 0.500005543f);
    p = FUSED(p, r, 0.999999821f);
    p = FUSED(p, r, 1.0f);
    return p * power_of_two(shifted);
}
"""

SIGMOID = """\
/* 1 / (1 + e^-x) = c / (c + 2^n c e^r): within 3 units of the last place. */
static float sigmoid(float x)
{
    const float limited = x > 87.9603806f ? 87.9603806f : x;
    const float sum = FUSED(limited, -1.44269502f, 12583039.0f);
    const float shifted = sum > 12583166.0f ? 12583166.0f : sum, n = shifted - 12583039.0f;
    const float r = FUSED(-n, 1.42860677e-06f, FUSED(-n, 0.693145752f, -limited));
    float p = 0.00184867147f;
    p = FUSED(p, r, 0.011136543f);
    p = FUSED(p, r, 0.0554385036f);
    p = FUSED(p, r, 0.22174789f);
    p = FUSED(p, r, 0.665249944f);
    p = FUSED(p, r, 1.33050001f);
    p = FUSED(p, r, 1.33050001f);
    return 1.33050001f / FUSED(power_of_two(shifted), p, 1.33050001f);
}
"""

TANGENT = """\
/* tanh x: v / c near 0 and 1 - 2 (c - v) / (c - v + 2^n (c + v)) elsewhere, c = v coth v and
   |x| = v + n log(2) / 2: within 3 units of the last place. */
static float tangent(float x)
{
    number size, sign;
    float limited, shifted, v, c, below, quotient, beyond;
    int is_near;
    size.value = sign.value = x;
    size.bits &= 0x7fffffffu;
    sign.bits &= 0x80000000u;
    limited = size.value > 9.35748672f ? 9.35748672f : size.value;
    is_near = limited < 0.560000002f;
    beyond = FUSED(limited, 2.88539004f, 12583039.0f);
    shifted = is_near ? 12583039.0f : beyond;
    v = FUSED(12583039.0f - shifted, 0.346573591f, limited);
    c = 0.00199492089f;
    c = FUSED(c, v * v, -0.0222006366f);
    c = FUSED(c, v * v, 0.333332241f);
    c = FUSED(c, v * v, 1.0f);
    below = c - v;
    quotient = is_near ? v : below;
    quotient = (quotient + quotient) / FUSED(power_of_two(shifted), c + v, below);
    beyond = 1.0f - quotient;
    size.value = is_near ? quotient : beyond;
    size.bits |= sign.bits;
    return size.value;
}
"""

CLEAR = """\
static void clear(int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] = 0.0f;
}
"""

COPY = """\
static void copy(const float *from, int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] = from[i];
}
"""

ADD = """\
static void add(const float *from, int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] += from[i];
}
"""

ADD_COLUMN = """\
/* What a symbol adds to the sums: its column of the matrix. */
static void add_column(const WEIGHT *column, int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] += VALUE(column[i]);
}
"""

ADD_PRODUCT = """\
/* to += M x, the matrix column after column; each sum takes its inputs in their order, four at a time. */
static void add_product(const WEIGHT *column, const float *x, int inputs, int count, float *to)
{
    const int fours = inputs / 4;
    int i, j;
    for (j = 0; j < 4 * fours; j += 4, column += 4 * count) {
        const float x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
        for (i = 0; i < count; i++) {
            float sum = FUSED(VALUE(column[i]), x0, to[i]);
            sum = FUSED(VALUE(column[count + i]), x1, sum);
            sum = FUSED(VALUE(column[2 * count + i]), x2, sum);
            to[i] = FUSED(VALUE(column[3 * count + i]), x3, sum);
        }
    }
    for (j = 4 * fours; j < inputs; j++, column += count)
        for (i = 0; i < count; i++)
            to[i] = FUSED(VALUE(column[i]), x[j], to[i]);
}
"""

LOOK_UP = """\
/* x = the row of a symbol, of a matrix that lies column after column. */
static void look_up(const WEIGHT *columns, int symbol, int symbols, int count, float *x)
{
    int j;
    for (j = 0; j < count; j++)
        x[j] = VALUE(columns[j * symbols + symbol]);
}
"""

LOOK_UP_SCALED = """\
/* x = the row of a symbol, of a matrix that lies column after column. */
static void look_up_scaled(const WEIGHT *columns, float scale, int symbol, int symbols, int count, float *x)
{
    int j;
    for (j = 0; j < count; j++)
        x[j] = scale * VALUE(columns[j * symbols + symbol]);
}
"""

RESCALE = """\
/* Sums of whole numbers become sums of weights: one scale a row. */
static void rescale(const float *scale, int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] *= scale[i];
}
"""

RESCALE_ADD = """\
/* Sums of whole numbers become sums of weights, one scale a row, and the bias is added. */
static void rescale_add(const float *scale, const float *bias, int count, float *to)
{
    int i;
    for (i = 0; i < count; i++)
        to[i] = FUSED(scale[i], to[i], bias[i]);
}
"""

NORMALIZE = """\
/* x = g (x - mean x) / sqrt(var x + 1e-5); sums are made in 16 parts, as in the compiled engine. */
static float total(float *parts)
{
    int i, half;
    for (half = 8; half > 0; half /= 2)
        for (i = 0; i < half; i++)
            parts[i] += parts[half + i];
    return parts[0];
}

static void normalize(const float *gain, int count, float *x)
{
    float parts[16] = {0}, squares[16] = {0}, mean, scale;
    int i;
    for (i = 0; i < count; i++)
        parts[i % 16] += x[i];
    mean = total(parts) / (float)count;
    for (i = 0; i < count; i++) {
        const float square = (x[i] - mean) * (x[i] - mean);
        squares[i % 16] += square;
    }
    scale = 1.0f / (float)sqrt((double)(total(squares) / (float)count) + 1e-5);
    for (i = 0; i < count; i++)
        x[i] = (x[i] - mean) * scale * gain[i];
}
"""

PIECES = {  # in the order of the file; a piece is there when something after it calls it
    "number": NUMBER,
    "power_of_two": POWER_OF_TWO,
    "exponential": EXPONENTIAL,
    "sigmoid": SIGMOID,
    "tangent": TANGENT,
    "clear": CLEAR,
    "copy": COPY,
    "add": ADD,
    "add_column": ADD_COLUMN,
    "add_product": ADD_PRODUCT,
    "look_up": LOOK_UP,
    "look_up_scaled": LOOK_UP_SCALED,
    "rescale": RESCALE,
    "rescale_add": RESCALE_ADD,
    "normalize": NORMALIZE,
}
