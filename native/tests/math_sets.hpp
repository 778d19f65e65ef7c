// The copies of math_apply.cpp, one for each instruction set of the build.
#pragma once

#include <string>
#include <vector>

#define ELMAN_DECLARE(set)                                                \
    namespace elman::set {                                                \
    void apply(int function, const float* x, float* y, long count);       \
    void apply(int function, const double* x, double* y, long count);     \
    }

#if defined(__x86_64__)
ELMAN_DECLARE(baseline)
ELMAN_DECLARE(avx2)
ELMAN_DECLARE(avx512)
#else
ELMAN_DECLARE(neon)
#endif

template <class T> struct Set {
    std::string name;
    bool fused;
    void (*apply)(int function, const T* x, T* y, long count);
};

template <class T> std::vector<Set<T>> sets() {
    std::vector<Set<T>> all;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        all.push_back({"avx2", true, elman::avx2::apply});
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        all.push_back({"avx512", true, elman::avx512::apply});
    all.push_back({"baseline", false, elman::baseline::apply});
#else
    all.push_back({"neon", true, elman::neon::apply});
#endif
    return all;
}
