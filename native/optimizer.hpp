// A step of an optimizer as Python hands it over: taken whole, or not at all.
#pragma once

#include "layers.hpp"

#include <atomic>

namespace elman {

constexpr std::size_t CONSTANTS = 7;

struct Step {
    int rule;
    nanobind::tuple constants;
    nanobind::handle x, g, memory;
    Index size;
};

// x and memory ("slots P") change unless a number is not finite.
template <class T> bool take_step(const Kernels<T>& k, const Step& step, int threads) {
    if (step.rule < 0 || step.rule > 3) throw std::invalid_argument("no such rule");
    expect(step.constants, CONSTANTS, "constants");
    double constants[CONSTANTS];
    for (std::size_t c = 0; c < CONSTANTS; c++) constants[c] = nanobind::cast<double>(step.constants[c]);
    const Index P = step.size, slots = step.rule == 3 ? 2 : 1;
    Views views;
    T *x = views.out<T>(step.x, P, "x"), *memory = views.out<T>(step.memory, slots * P, "memory");
    const T* g = views.in<T>(step.g, P, "g");
    if (!x || !memory || !g) throw std::invalid_argument("an array that is needed is None");
    nanobind::gil_scoped_release released;
    static thread_local Arena arena;
    T* spare = arena.room<T>((1 + slots) * P);
    const Update<T> o{constants, P, x, g, memory, spare, spare + P};
    std::atomic<bool> finite{true};
    const Index groups = ceil_div(P, 16);
    split(threads, groups, 16.0 * double(P), [&](Index begin, Index end) {
        if (!k.update[step.rule](o, begin * 16, std::min(end * 16, P))) finite = false;
    });
    if (!finite) return false;
    split(threads, groups, 4.0 * double(P), [&](Index begin, Index end) {
        const Index first = begin * 16, count = std::min(end * 16, P) - first;
        std::copy_n(spare + first, count, x + first);
        for (Index s = 0; s < slots; s++) std::copy_n(spare + (1 + s) * P + first, count, memory + s * P + first);
    });
    return true;
}

}  // namespace elman
