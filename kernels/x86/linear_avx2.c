/* This level's part of linear_simd.h. */
#include "x86/linear_simd.h"
