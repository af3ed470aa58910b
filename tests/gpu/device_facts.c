/* device_facts FOLDER: the device that FOLDER/libliax-cuda.so opens, as a JSON object on standard output; or, with status 1, why there
   is none, as a sentence. */
#include <stdio.h>

#include "backend.h"

/* Names of devices and drivers have none of JSON's special characters; they are left out, should one come. */
static void put(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text; text++)
        if (*text != '"' && *text != '\\' && (unsigned char)*text >= 32) putchar(*text);
    printf("\", ");
}

int main(int argc, char **argv)
{
    LxLog log = {0};
    const LxBackend *b;
    LxDevice *d = NULL;
    const LiaxModelOptions o = {.struct_size = sizeof o, .device = "cuda"};
    const LiaxAllocator a = lx_allocator(&o.allocator);
    LiaxStatus st = lx_backend_load(&b, "cuda", argc > 1 ? argv[1] : NULL, &log);
    if (!st) st = b->open(&d, &o, NULL, &a, &log);
    if (st) {
        printf("%s\n", log.error);
        return 1;
    }
    LiaxDeviceInfo info = {.struct_size = sizeof info};
    b->describe(0, &info);
    lx_device_close(&d);
    putchar('{');
    put("id", info.id);
    put("name", info.name);
    put("level", info.level);
    printf("\"multiprocessors\": %d, \"memory_bytes\": %lld}\n", (int)info.threads, (long long)info.memory_bytes);
    return 0;
}
