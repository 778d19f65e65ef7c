/* An exported network on a bare Cortex-M under an emulator: it begins from a given state, reads given input,
   and prints the bits of every output and of the state after. given.h has the numbers and the calls. */
#include <stdint.h>
#include "given.h"

extern void reset(void);

/* The first words of memory: where the stack begins, and where the processor does. */
__attribute__((used, section(".vectors"))) static const void *const vectors[2] = {
    (const void *)0x20400000, (const void *)reset};

/* A call to the debugger, here the emulator: 4 prints a text, 0x18 ends the run. */
static void semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(const float *values, int count)
{
    char text[10] = "        \n";
    int i, digit;
    for (i = 0; i < count; i++) {
        union {
            float value;
            uint32_t bits;
        } number;
        number.value = values[i];
        for (digit = 0; digit < 8; digit++)
            text[digit] = "0123456789abcdef"[number.bits >> (28 - 4 * digit) & 15];
        semihost(4, text);
    }
}

static model_state state;

static void run(void)
{
    float y[model_outputs], *numbers = (float *)&state;
    int i, t;
    model_init(INIT);
    for (i = 0; i < STATES; i++)
        numbers[i] = begin[i];
    for (t = 0; t < STEPS; t++) {
        STEP;
        print(y, model_outputs);
    }
    print(numbers, STATES);
    semihost(0x18, (const void *)0x20026);
}

void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* the floating-point unit is off at first */
    __asm__ volatile("dsb\n isb");
#endif
    run();
}
