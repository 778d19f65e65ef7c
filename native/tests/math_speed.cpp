// Nanoseconds an element of exp, sigmoid, tanh and log: each instruction set and the C++ library, in turn, on
// 4,096 numbers in the first cache; the least of many rounds.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "math_sets.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr long COUNT = 4096;
constexpr int ROUNDS = 2000;
const char* const NAMES[] = {"exp", "sigmoid", "tanh", "log"};

template <class T> void library(int function, const T* x, T* y, long count) {
    for (long j = 0; j < count; ++j)
        y[j] = function == 0 ? std::exp(x[j]) : function == 1 ? 1 / (1 + std::exp(-x[j]))
             : function == 2 ? std::tanh(x[j]) : std::log(x[j]);
}

template <class T> void measure(const char* type) {
    alignas(64) static T x[COUNT], y[COUNT];
    auto rivals = sets<T>();
    rivals.push_back({"library", false, library<T>});
    for (int f = 0; f < 4; ++f) {
        for (long j = 0; j < COUNT; ++j) x[j] = T(j * 619 % COUNT) / COUNT * 12 - (f == 3 ? T(-0.01) : T(6));
        std::vector<double> least(rivals.size(), 1e9);
        for (int round = 0; round < ROUNDS; ++round)
            for (std::size_t r = 0; r < rivals.size(); ++r) {
                const auto start = Clock::now();
                rivals[r].apply(f, x, y, COUNT);
                const std::chrono::duration<double, std::nano> time = Clock::now() - start;
                least[r] = std::fmin(least[r], time.count() / COUNT);
            }
        std::printf("%-8s%-8s", type, NAMES[f]);
        for (std::size_t r = 0; r < rivals.size(); ++r)
            std::printf(" %9s %.3f", rivals[r].name.c_str(), least[r]);
        std::printf("\n");
    }
}

}  // namespace

int main() {
    measure<float>("float32");
    measure<double>("float64");
}
