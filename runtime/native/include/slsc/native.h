/* slsc native engine: restores images with networks in plan form (.nmp), on the CPU.
 *
 * Thread safety: one context or engine may be used by one thread at a time, but for slsc_run of different engines of one
 * context, which take turns. Different contexts know nothing of each other.
 * Images are planar float32, (channels, height, width), rows contiguous, in the network's own value range.
 */
#ifndef SLSC_NATIVE_H
#define SLSC_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SLSC_API __declspec(dllexport)
#else
#define SLSC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    SLSC_OK = 0,
    SLSC_BAD_PLAN = 1,     /* the plan is damaged or hostile, or of another version */
    SLSC_BAD_ARGUMENT = 2, /* an argument is out of range */
    SLSC_BAD_SIZE = 3,     /* the network does not take an image of this size */
    SLSC_NO_MEMORY = 4,
    SLSC_UNSUPPORTED = 5,  /* the instruction set asked for is not there */
    SLSC_NO_THREADS = 6    /* the system gives no more threads */
} slsc_status;

/* ---- the library ------------------------------------------------------------------------------------------------ */

/* Version of this library, such as "0.4.0". Only libraries of one version promise the same calls. */
SLSC_API const char* slsc_version(void);

/* Whether this library, on this processor, has a feature: an instruction set ("avx512", "avx2", "neon", "portable"), a precision
 * ("float32"), or "plan-2", the version of plan files that it reads. 0 for what it does not know. */
SLSC_API int slsc_has(const char* feature);

/* ---- contexts --------------------------------------------------------------------------------------------------- */

/* Threads, and the memory that images take while they are restored: engines share those of their context, and take turns. */
typedef struct slsc_context slsc_context;

/* `threads`: 0 for one per core, at most 1024. On failure *context is NULL and slsc_last_error(NULL) says why. */
SLSC_API slsc_status slsc_context_create(int threads, slsc_context** context);

/* Engines of a context keep what they need of it: it may be freed before them. */
SLSC_API void slsc_context_free(slsc_context* context);

/* ---- engines ---------------------------------------------------------------------------------------------------- */

typedef struct slsc_engine slsc_engine;

/* Loads a plan. `context`: NULL for one of its own, with a thread per core. `isa`: NULL for the best there is, else "avx512",
 * "avx2", "neon" or "portable". On failure *engine is NULL and slsc_last_error(NULL) says why, for the calling thread. */
SLSC_API slsc_status slsc_open(slsc_context* context, const void* plan, size_t bytes, const char* isa, slsc_engine** engine);

/* Keeps at most `capacity` of every m weights in each sparse layer, from the most important on; 0: all the plan has. What is made
 * ready for a capacity is kept until the engine is closed. */
SLSC_API slsc_status slsc_set_capacity(slsc_engine* engine, int capacity);

/* Runs all layers on bands of so many columns of the image one after the other, which keeps what they exchange in the
 * cache and takes less memory. 0: chosen from the cache size; the result is the same for every value. */
SLSC_API slsc_status slsc_set_band(slsc_engine* engine, int columns);

/* Channels in and out of the network, and the output's size for an image of height x width. Takes no memory for it. */
SLSC_API slsc_status slsc_shape(slsc_engine* engine, int height, int width, int* in_channels, int* out_channels,
                                int* out_height, int* out_width);

/* Restores one image. `output` must hold out_channels * out_height * out_width floats. */
SLSC_API slsc_status slsc_run(slsc_engine* engine, const float* input, int height, int width, float* output);

/* Operations of the plan, and after slsc_run the seconds each took: hardly any for a convolution that is folded into a later
 * one, or runs with it, whose time that is. `seconds` must hold slsc_op_count doubles. */
SLSC_API int slsc_op_count(const slsc_engine* engine);
SLSC_API slsc_status slsc_op_seconds(const slsc_engine* engine, double* seconds);

/* Multiply-accumulates of operation `index` at the last size, as executed: those of its time. */
SLSC_API uint64_t slsc_op_macs(const slsc_engine* engine, int index);

/* Bytes that values take at the last size given to slsc_shape or slsc_run; slsc_run allocates them, once for all engines of the
 * context. */
SLSC_API uint64_t slsc_arena_bytes(const slsc_engine* engine);

/* Name of the instruction set in use. */
SLSC_API const char* slsc_isa(const slsc_engine* engine);

/* Why the last call on this engine failed; for NULL, why the last call of this thread that was to make something did. Never
 * NULL. */
SLSC_API const char* slsc_last_error(const slsc_engine* engine);

SLSC_API void slsc_close(slsc_engine* engine);

#ifdef __cplusplus
}
#endif

#endif
