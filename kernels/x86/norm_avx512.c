/* This level's part of norm_simd.h. */
#include "x86/norm_simd.h"
