// Denormals: while one lives, this thread reads and writes numbers below the smallest normal one as zeros.
//
// Vanishing gradients are such numbers, and some processors take a hundred cycles for each.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace elman {
namespace {

class Denormals {
public:
    Denormals() : before(mode()) { set_mode(before | flush); }
    ~Denormals() { set_mode(before); }
    Denormals(const Denormals&) = delete;
    Denormals& operator=(const Denormals&) = delete;

private:
#if defined(__SSE2__)
    static constexpr std::uint64_t flush = 0x8040;  // MXCSR: bit 15 FTZ, bit 6 DAZ
    static std::uint64_t mode() { return _mm_getcsr(); }
    static void set_mode(std::uint64_t bits) { _mm_setcsr(static_cast<unsigned>(bits)); }
#elif defined(__aarch64__)
    static constexpr std::uint64_t flush = 1u << 24;  // FPCR: bit 24 FZ, operands and results
    static std::uint64_t mode() {
        std::uint64_t bits;
        __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
        return bits;
    }
    static void set_mode(std::uint64_t bits) { __asm__ volatile("msr fpcr, %0" : : "r"(bits) : "memory"); }
#else
    static constexpr std::uint64_t flush = 0;
    static std::uint64_t mode() { return 0; }
    static void set_mode(std::uint64_t) {}
#endif

    std::uint64_t before;
};

}  // namespace
}  // namespace elman
