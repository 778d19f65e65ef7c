// What bindings.cpp calls for each element type.
#pragma once

#include "kernels.hpp"

#include <nanobind/nanobind.h>

namespace elman {

// kernels, doubles: of the instruction set in use, asked for when a stream is made.
template <class T>
void define_streams(nanobind::module_& m, const Kernels<T>& (*kernels)(), const Kernels<double>& (*doubles)());

// Once: the exceptions of elman.errors.
void translate_refusals();

}  // namespace elman
