/* The public calls that need neither a model nor a session. */
#include "backend.h"
#include "structs.h"

const char *liax_status_name(LiaxStatus status)
{
    switch (status) {
    case LIAX_OK: return "ok";
    case LIAX_AGAIN: return "not yet";
    case LIAX_END: return "end of the stream";
    case LIAX_E_ARG: return "invalid argument";
    case LIAX_E_MEMORY: return "out of memory";
    case LIAX_E_IO: return "input or output error";
    case LIAX_E_FORMAT: return "invalid file";
    case LIAX_E_UNSUPPORTED: return "unsupported";
    case LIAX_E_DEVICE: return "device error";
    case LIAX_E_CANCELLED: return "cancelled";
    case LIAX_E_STATE: return "called too early";
    default: return "unknown status";
    }
}

const char *liax_version(void)
{
    return LIAX_VERSION_STRING;
}

uint32_t liax_api_version(void)
{
    return LIAX_API_VERSION;
}

int32_t liax_device_count(void)
{
    return lx_device_count();
}

LiaxStatus liax_device_get(int32_t index, LiaxDeviceInfo *out)
{
    LiaxDeviceInfo info = {0};
    if (!out || !lx_device_describe(index, &info)) return LIAX_E_ARG;
    return lx_struct_out(out, &info, sizeof info) ? LIAX_OK : LIAX_E_ARG;
}
