/* The speed of this machine's memory, for rooflines. */
#ifndef BANDWIDTH_H
#define BANDWIDTH_H

/**
 * Measure a[i] = b[i] + s * c[i] over arrays larger than the caches, on `threads` threads, for some tenths of a second.
 * @return GB/s, best of several passes, 12 bytes an element as STREAM counts; 0: not enough memory or threads
 */
double memory_bandwidth(int threads);

#endif
