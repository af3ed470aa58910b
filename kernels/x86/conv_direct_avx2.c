/* The convolutions for this level: direct (conv_kinds.h) and by Winograd's method. */
#include "x86/conv_kinds.h"
#include "x86/winograd.h"
