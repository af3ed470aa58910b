/* The direct convolutions for this level (conv_kinds.h). */
#include "x86/conv_kinds.h"
