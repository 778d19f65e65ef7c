"""The C of what is done with outputs: probabilities, a symbol drawn from them, and how symbols are spelled.

FIRST is the first symbol that may be drawn and KNOWN the first that is spelled: not the unknown one.
"""

SOFTMAX = """\
void NAME_softmax(const float *y, float *p)
{
    float top = y[0], sum = 0.0f;
    int i;
    for (i = 1; i < OUTPUTS; i++)
        top = y[i] > top ? y[i] : top;
    for (i = 0; i < OUTPUTS; i++)
        sum += p[i] = exponential(y[i] - top);
    for (i = 0; i < OUTPUTS; i++)
        p[i] /= sum;
}
"""

SAMPLE = """\
float NAME_chance(NAME_state *state)
{
    uint32_t z = state->random += 0x9e3779b9u;
    z = (z ^ (z >> 16)) * 0x85ebca6bu;
    z = (z ^ (z >> 13)) * 0xc2b2ae35u;
    z ^= z >> 16;
    return (float)(z >> 8) / 16777216.0f;
}

int NAME_sample(NAME_state *state, const float *y, float temperature)
{
    float sum = 0.0f, reached = 0.0f, chance;
    int i, best = FIRST;
    for (i = FIRST; i < OUTPUTS; i++)
        best = y[i] > y[best] ? i : best;
    if (!(temperature > 0.0f))
        return best;
    for (i = FIRST; i < OUTPUTS; i++)
        sum += exponential((y[i] - y[best]) / temperature);
    chance = sum * NAME_chance(state);
    for (i = FIRST; i < OUTPUTS; i++) {
        reached += exponential((y[i] - y[best]) / temperature);
        if (reached > chance)
            return i;
    }
    return best;
}
"""

SIGMOID = """\
void NAME_sigmoid(const float *y, float *p)
{
    int i;
    for (i = 0; i < OUTPUTS; i++)
        p[i] = sigmoid(y[i]);
}
"""

SPELLING = """\
const char *NAME_symbol(int symbol, int *length)
{
    *length = (int)(spelling_ends[symbol + 1] - spelling_ends[symbol]) - 1;
    return (const char *)(spelling + spelling_ends[symbol]);
}

int NAME_find(const char *text, int length)
{
    int symbol, k, known;
    for (symbol = KNOWN; symbol < SYMBOLS; symbol++) {
        const char *with = NAME_symbol(symbol, &known);
        for (k = 0; known == length && k < length && with[k] == text[k]; k++)
            continue;
        if (known == length && k == length)
            return symbol;
    }
    return UNKNOWN;
}
"""

DECLARED = {
    "softmax": """\
/* p = softmax(y), the probabilities of the next symbol; p may be y. */
void NAME_softmax(const float *y, float *p);

/* The next random number of the state, 0 <= chance < 1: SplitMix with the end of MurmurHash3, 24 bits. */
float NAME_chance(NAME_state *state);

/* Draw a symbol from softmax(y / temperature)WITHOUT;
   temperature 0: the most probable one. */
int NAME_sample(NAME_state *state, const float *y, float temperature);
""",
    "sigmoid": """\
/* p = 1 / (1 + exp(-y)), a probability for each label; p may be y. */
void NAME_sigmoid(const float *y, float *p);
""",
    "spelling": """\
/* What a symbol stands for: UTF-8 (KIND), length bytes and then a 0. */
const char *NAME_symbol(int symbol, int *length);

/* The symbol of these bytes; OTHERWISE when there is none. */
int NAME_find(const char *text, int length);
""",
}
