/* This level's part of warp_simd.h. */
#include "x86/warp_simd.h"
