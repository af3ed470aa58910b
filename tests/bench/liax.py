"""libliax from Python, as far as measuring needs it. Structs are cut off after the last member used: the library takes that."""
from __future__ import annotations

import ctypes as c
import pathlib

import rounds

PRECISIONS = ("auto", "f32", "bf16", "f16")
CONVS = ("auto", "ref", "direct", "winograd")
RGB24, RGBF32 = 0, 6
ABSOLUTE = 1


class ModelOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("device", c.c_char_p), ("backend_dir", c.c_char_p), ("precision", c.c_int), ("conv", c.c_int),
                ("threads", c.c_int32), ("cpu_mask", c.POINTER(c.c_uint64)), ("cpu_mask_words", c.c_size_t), ("low_memory", c.c_int32),
                ("allocator", c.c_void_p * 3), ("log", c.c_void_p), ("log_ctx", c.c_void_p), ("error", c.c_char_p), ("error_size", c.c_size_t)]


class ModelInfo(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("family", c.c_char_p), ("size", c.c_int32), ("motions", c.c_int32)]


class SessionOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("mode", c.c_int), ("max_batch", c.c_int32)]


class Image(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("format", c.c_int), ("width", c.c_int32), ("height", c.c_int32), ("planes", c.c_void_p * 4)]


class Liax:
    """A model and a session on it, on the CPUs given; `picture` is S x S x 3 bytes, the source and the driving frame at first."""

    def __init__(self, path: pathlib.Path, cpus: list[int], batch: int = 1, precision: str = "auto", conv: str = "auto", device: str = "cpu"):
        self.library = c.CDLL(str(rounds.BUILD / "lib" / "libliax.so"))
        self.library.liax_session_error.restype = c.c_char_p
        words = max(cpus) // 64 + 1
        mask = (c.c_uint64 * words)(*(sum(1 << (cpu % 64) for cpu in cpus if cpu // 64 == word) for word in range(words)))
        sentence = c.create_string_buffer(512)
        options = ModelOptions(c.sizeof(ModelOptions), device=device.encode(), precision=PRECISIONS.index(precision), conv=CONVS.index(conv), threads=len(cpus),
                               cpu_mask=mask, cpu_mask_words=words, error=c.cast(sentence, c.c_char_p), error_size=len(sentence))
        self.model, self.session, self.batch = c.c_void_p(), c.c_void_p(), batch
        if self.library.liax_model_open(c.byref(self.model), str(path).encode(), c.byref(options)):
            raise RuntimeError(sentence.value.decode())
        info = ModelInfo(c.sizeof(ModelInfo))
        self.check(self.library.liax_model_info(self.model, c.byref(info)))
        self.size = info.size
        self.check(self.library.liax_session_open(c.byref(self.session), self.model, c.byref(SessionOptions(c.sizeof(SessionOptions), ABSOLUTE, batch))))
        self.motion = (c.c_float * info.motions)()
        self.drawn = (c.c_float * (3 * self.size ** 2))()
        plane = 4 * self.size ** 2
        self.out = Image(c.sizeof(Image), RGBF32, self.size, self.size, (c.c_void_p * 4)(*(c.addressof(self.drawn) + i * plane for i in range(3))))

    def draw_bytes(self) -> None:
        """Frames are RGB of 8 bits from here on."""
        self.drawn = (c.c_ubyte * (3 * self.size ** 2))()
        self.out = Image(c.sizeof(Image), RGB24, self.size, self.size, (c.c_void_p * 4)(c.addressof(self.drawn)))

    def check(self, status: int) -> None:
        if status:
            raise RuntimeError(self.library.liax_session_error(self.session).decode() if self.session else f"status {status}")

    def image(self, rgb: bytes) -> Image:
        image = Image(c.sizeof(Image), RGB24, self.size, self.size, (c.c_void_p * 4)(c.cast(rgb, c.c_void_p)))
        image.rgb = rgb  # alive as long as what points to it
        return image

    def start(self, source: bytes, driving: bytes) -> None:
        self.driving = self.image(driving)
        self.check(self.library.liax_session_set_source(self.session, c.byref(self.image(source))))

    def encoder(self) -> None:
        self.check(self.library.liax_session_encode_motion(self.session, c.byref(self.driving), self.motion))

    def decoder(self) -> None:
        self.check(self.library.liax_session_animate_motion(self.session, self.motion, c.byref(self.out)))

    def frames(self) -> None:
        """As many frames as a batch holds."""
        for _ in range(self.batch):
            self.check(self.library.liax_session_push(self.session, c.byref(self.driving)))
        for _ in range(self.batch):
            self.check(self.library.liax_session_pull(self.session, c.byref(self.out)))

    def close(self) -> None:
        self.library.liax_session_close(c.byref(self.session))
        self.library.liax_model_close(c.byref(self.model))
