/* The release of libliax, and the number of its programming interface, which grows only when the interface does. */
#ifndef LIAX_VERSION_H
#define LIAX_VERSION_H

#define LIAX_VERSION_MAJOR 0
#define LIAX_VERSION_MINOR 1
#define LIAX_VERSION_PATCH 0
#define LIAX_VERSION_STRING "0.1.0"

/* Version of the programming interface that this header describes. */
#define LIAX_API_VERSION 1

#endif
