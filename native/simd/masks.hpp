// Masks without registers of their own: lanes of ones or of zeros, as compare instructions give them.
#pragma once

namespace elman::ELMAN_ISA {

template <class T, int n> using MaskRegister = typename Register<T, n>::Signed;

template <class T, int n, class F> ELMAN_INLINE MaskRegister<T, n> compare_less(F a, F b) {
    return (MaskRegister<T, n>)(a < b);
}

template <class T, int n, class F> ELMAN_INLINE MaskRegister<T, n> compare_less_equal(F a, F b) {
    return (MaskRegister<T, n>)(a <= b);
}

template <class T, int n, class F> ELMAN_INLINE MaskRegister<T, n> compare_equal(F a, F b) {
    return (MaskRegister<T, n>)(a == b);
}

template <class T, int n, class F> ELMAN_INLINE F choose(MaskRegister<T, n> mask, F a, F b) {
    return mask ? a : b;
}

// Any count is good: none below 1, all from n up.
template <class T, int n> ELMAN_INLINE MaskRegister<T, n> first_lanes(int count) {
    using Lane = typename Bits<T>::Signed;
    MaskRegister<T, n> lane;
    for (int j = 0; j < n; ++j) lane[j] = j;
    return (MaskRegister<T, n>)(lane < (MaskRegister<T, n>{} + Lane(count)));
}

}  // namespace elman::ELMAN_ISA
