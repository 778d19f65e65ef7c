// The functions of math.hpp on arrays, compiled once per instruction set for math_all.cpp and math_speed.cpp.
#include "../math.hpp"

namespace elman::ELMAN_ISA {

template <class T, class Function> static void over(const T* x, T* y, long count, Function function) {
    for (long j = 0; j < count; j += Vec<T>::lanes) function(Vec<T>::load(x + j)).store(y + j);
}

template <class T> static void apply_to(int function, const T* x, T* y, long count) {
    switch (function) {
    case 0: return over(x, y, count, [](Vec<T> a) { return exp(a); });
    case 1: return over(x, y, count, [](Vec<T> a) { return sigmoid(a); });
    case 2: return over(x, y, count, [](Vec<T> a) { return tanh(a); });
    case 3: return over(x, y, count, [](Vec<T> a) { return log(a); });
    }
}

void apply(int function, const float* x, float* y, long count) { apply_to(function, x, y, count); }
void apply(int function, const double* x, double* y, long count) { apply_to(function, x, y, count); }

}  // namespace elman::ELMAN_ISA
