/* slsc native engine: restores images on the CPU, with a bundle (.slsb) or with networks in plan form (.nmp).
 *
 * Thread safety: one context, engine or bundle may be used by one thread at a time, but for runs of different engines and bundles
 * of one context, which take turns. Different contexts know nothing of each other.
 * Engines take planar float32 images, (channels, height, width), rows contiguous, in the network's own value range. Bundles take
 * pixels as they come.
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
    SLSC_UNSUPPORTED = 5,  /* the instruction set asked for is not there, or a bundle's engine has no plan */
    SLSC_NO_THREADS = 6,   /* the system gives no more threads */
    SLSC_CANNOT_READ = 7,  /* the file is missing, or the system refuses to read it */
    SLSC_BAD_BUNDLE = 8,   /* the bundle is damaged, hostile, or of another version */
    SLSC_BAD_OUTPUT = 9,   /* the network returned values that are not numbers */
    SLSC_STOPPED = 10      /* a function of the caller's asked for it */
} slsc_status;

/* ---- the library ------------------------------------------------------------------------------------------------ */

/* Version of this library, such as "0.4.0". Only libraries of one version promise the same calls. */
SLSC_API const char* slsc_version(void);

/* Whether this library, on this processor, has a feature: an instruction set ("amx", "avx512", "avx2", "neon", "portable"), a precision
 * ("float32"; "int8" and "bf16" where they are faster), a version that it reads ("plan-2" of plan files, "bundle-3" of bundles), or a
 * feature of plan files ("weight-sets"). 0 for what it does not know. */
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

/* Loads a plan. `context`: NULL for one of its own, with a thread per core. `isa`: NULL for the best there is, else "amx", "avx512",
 * "avx2", "neon" or "portable". On failure *engine is NULL and slsc_last_error(NULL) says why, for the calling thread. */
SLSC_API slsc_status slsc_open(slsc_context* context, const void* plan, size_t bytes, const char* isa, slsc_engine** engine);

/* Keeps at most `capacity` of every m weights in each sparse layer, from the most important on; 0: all the plan has. What is made
 * ready for a capacity is kept until the engine is closed. */
SLSC_API slsc_status slsc_set_capacity(slsc_engine* engine, int capacity);

/* How many candidates a plan holds: networks of one topology with weights of their own, the cheapest first. Regions of one image can be
 * given different ones; see slsc_run_map. 1 for most plans. */
SLSC_API int slsc_candidates(const slsc_engine* engine);

/* Which candidate runs without a map run with, and the sizes and figures below are told of: at first the last, which is the dearest.
 * SLSC_BY_REGION: they are told of runs with a map of several candidates, and runs without one are refused. */
enum {
    SLSC_BY_REGION = -1
};
SLSC_API slsc_status slsc_set_candidate(slsc_engine* engine, int candidate);

/* Multiply-accumulates of a candidate for a whole image of the last size given to slsc_shape or a run; 0 where there is neither. */
SLSC_API uint64_t slsc_candidate_macs(slsc_engine* engine, int candidate);

/* Of those of the cheapest candidate, what a run with a map takes of regions that are left out as of all others, for an image of the same
 * size: all that comes before a mean over the image. */
SLSC_API uint64_t slsc_everywhere_macs(slsc_engine* engine);

/* Height and width of a region, pixels of the image, 1..4096 each; at first 24 and 32. Where the width is a multiple of 16 each vector
 * lies in one region, and a pass takes about as long as its candidates do by their shares; else all candidates make every vector. */
SLSC_API slsc_status slsc_set_region(slsc_engine* engine, int height, int width);

/* Rows and columns of regions in an image of height x width, those at its lower and right border counted: of a map. */
SLSC_API slsc_status slsc_regions(slsc_engine* engine, int height, int width, int* rows, int* columns);

/* What convolutions that a plan has in integers (its feature "int8") or in bfloat16 ("bf16") are computed in. SLSC_AS_PLANNED, as at
 * first: in those; in integers by any processor to the same sums. SLSC_FASTEST: in each of the two where the processor has instructions that
 * make it faster, else in float32. SLSC_FLOAT32: in float32 always: weights are what is stored of them, and nothing else is rounded. */
typedef enum slsc_precision {
    SLSC_AS_PLANNED = 0,
    SLSC_FASTEST = 1,
    SLSC_FLOAT32 = 2
} slsc_precision;
SLSC_API slsc_status slsc_set_precision(slsc_engine* engine, slsc_precision precision);

/* 1 where the plan has convolutions in integers, and they are computed so. */
SLSC_API int slsc_integers(const slsc_engine* engine);

/* The same of convolutions in bfloat16. */
SLSC_API int slsc_halves(const slsc_engine* engine);

/* Runs all layers on bands of so many rows of the image one after the other, which keeps what they exchange in the
 * cache and takes less memory. 0: chosen from the cache size; the result is the same for every value. */
SLSC_API slsc_status slsc_set_band(slsc_engine* engine, int rows);

/* Bounds the bytes that slsc_rows_bytes tells, threads' scratch aside: less memory takes more time. Images that need more take
 * it all the same, as little as they can; ask before. 0, as at first: as much as is fastest. The result is the same for every value. */
SLSC_API slsc_status slsc_set_memory(slsc_engine* engine, uint64_t bytes);

/* Channels in and out of the network, and the output's size for an image of height x width. Takes no memory for it. */
SLSC_API slsc_status slsc_shape(slsc_engine* engine, int height, int width, int* in_channels, int* out_channels, int* out_height,
                                int* out_width);

/* Restores one image. `output` must hold out_channels * out_height * out_width floats. */
SLSC_API slsc_status slsc_run(slsc_engine* engine, const float* input, int height, int width, float* output);

/* SLSC_LEFT_OUT in a map: nothing is wanted of the region, whose pixels the caller makes by other means. Of the output it is 0, but for
 * the SLSC_RIM pixels of the image (so many times more of the output) next to regions that are wanted, over which the caller may
 * fade. The regions around what is wanted are computed as far as it depends on them, with the cheapest candidate: convolutions that lie
 * in blocks (where a region's width is a multiple of 16 in the pixels of the value) up to 4 pixels of the image beyond it, if a region is wider,
 * then to its whole width; farther away they count as 0. All else is computed everywhere, and so is all that comes before a mean
 * over the image. */
enum {
    SLSC_LEFT_OUT = 255,
    SLSC_RIM = 2
};

/* Restores one image, each region with the candidate that `map` has for it: map_rows * map_columns of them, row by row. Every convolution
 * takes for each pixel that it makes the weights of the pixel's region, and reads its neighbours' features as they are. Pixels of
 * all values lie in regions of the image as strides, shuffles, resizing and padding tell (but a region's columns, where a value has a
 * multiple of 16 of them, begin with the value's own first one, whatever padding tells); what is folded together counts as one
 * convolution, and what is one pixel (behind a global mean) takes the dearest candidate that the map names. With one candidate
 * everywhere the result is that of slsc_run with it, to the bit. SLSC_BAD_ARGUMENT where the map has another size than slsc_regions
 * tells, or names a candidate that there is not and that is not SLSC_LEFT_OUT; nothing is written then. */
SLSC_API slsc_status slsc_run_map(slsc_engine* engine, const float* input, int height, int width, const uint8_t* map, int map_rows,
                                  int map_columns, float* output);

/* Fills `to` with `rows` rows of the image from row `first` on, [channel][row][pixel]; other than 0 stops the run. */
typedef int (*slsc_read_rows)(void* user, int first, int rows, float* to);

/* Takes as many rows of the output; other than 0 stops the run. */
typedef int (*slsc_write_rows)(void* user, int first, int rows, const float* from);

/* Restores one image that need never be whole in memory: rows enter and leave from top to bottom, each once, while the network is at
 * work between them. The same result as of slsc_run, to the bit. `read` and `write` are called by the calling thread, with `user`, and must
 * not use an engine of the same context. SLSC_STOPPED where one of them asked for it. Values that the network needs whole, such as
 * those behind a global mean, are held whole all the same: slsc_rows_bytes tells. */
SLSC_API slsc_status slsc_run_rows(slsc_engine* engine, int height, int width, slsc_read_rows read, slsc_write_rows write,
                                   void* user);

/* The same with a map, as slsc_run_map takes it. */
SLSC_API slsc_status slsc_run_rows_map(slsc_engine* engine, int height, int width, const uint8_t* map, int map_rows,
                                       int map_columns, slsc_read_rows read, slsc_write_rows write, void* user);

/* Operations of the plan, and after slsc_run the seconds each took: hardly any for a convolution that is folded into a later
 * one, or runs with it, whose time that is. `seconds` must hold slsc_op_count doubles. */
SLSC_API int slsc_op_count(const slsc_engine* engine);
SLSC_API slsc_status slsc_op_seconds(const slsc_engine* engine, double* seconds);

/* Multiply-accumulates of operation `index` at the last size, as executed: those of its time. */
SLSC_API uint64_t slsc_op_macs(const slsc_engine* engine, int index);

/* Bytes that values take at the last size given to slsc_shape or slsc_run; slsc_run allocates them, once for all engines of the
 * context. */
SLSC_API uint64_t slsc_arena_bytes(const slsc_engine* engine);

/* Bytes that slsc_run_rows takes at the last size given to slsc_shape or a run: values, rows on their way, threads' scratch. */
SLSC_API uint64_t slsc_rows_bytes(const slsc_engine* engine);

/* Rows of the image in a band, at most, at that size: slsc_write_rows is given what these make. */
SLSC_API int slsc_band(const slsc_engine* engine);

/* Name of the instruction set in use. */
SLSC_API const char* slsc_isa(const slsc_engine* engine);

/* Why the last call on this engine failed; for NULL, why the last call of this thread that was to make something did. Never
 * NULL. */
SLSC_API const char* slsc_last_error(const slsc_engine* engine);

SLSC_API void slsc_close(slsc_engine* engine);

/* ---- bundles ----------------------------------------------------------------------------------------------------
 *
 *   slsc_context* context;
 *   slsc_bundle* bundle;
 *   slsc_context_create(0, &context);
 *   slsc_bundle_open(context, "net.slsb", NULL, &bundle);
 *   slsc_bundle_restore(bundle, pixels, height, width, 3, SLSC_U8, restored);
 *   slsc_bundle_close(bundle);
 *   slsc_context_free(context);
 *
 * Images go through the network whole, rows streaming through it. What comes out is what the Python runtime gives with its native
 * backend, to the bit. Only where an image takes more memory than allowed it is cut into tiles, and the result differs by about what the
 * bundle's manifest says (tile.bound). Where a network
 * restores luma only, or makes three channels of a grey image, and in alpha, the last bit of a float may differ, and so 1 of an
 * integer's levels.
 */

typedef struct slsc_bundle slsc_bundle;

/* Samples cover the full range of their type; floats are in 0..1. Native byte order. */
typedef enum {
    SLSC_U8 = 0,
    SLSC_U16 = 1,
    SLSC_F32 = 2
} slsc_sample_type;

/* Opens the bundle at `path` (UTF-8) and loads one of its engines: the one of that name, the first for NULL. It restores whole images: in
 * a bundle made to choose by region, too, where the first engine is the one of the budget asked for. `context`: NULL for
 * one of its own, with a thread per core; it may be freed before the bundle is closed. On failure *bundle is NULL and
 * slsc_bundle_last_error(NULL) says why, for the calling thread: SLSC_CANNOT_READ, SLSC_BAD_BUNDLE (the text holds one word of a
 * closed set, such as "truncated"), SLSC_BAD_ARGUMENT (no engine of that name), SLSC_UNSUPPORTED (the engine could not be made
 * for this library; the text says why), SLSC_BAD_PLAN, SLSC_NO_MEMORY, SLSC_NO_THREADS. */
SLSC_API slsc_status slsc_bundle_open(slsc_context* context, const char* path, const char* engine, slsc_bundle** bundle);

/* Output pixels per input pixel along each side, 1..16; channels that the network restores, 1 (luma) or 3; "sr" where the
 * scale is 2 or more, else "restore". 0, 0 and "" for NULL. */
SLSC_API int slsc_bundle_scale(const slsc_bundle* bundle);
SLSC_API int slsc_bundle_channels(const slsc_bundle* bundle);
SLSC_API const char* slsc_bundle_task(const slsc_bundle* bundle);

/* Name of the engine that runs, and of all engines by index; "" for NULL or an index out of range. Valid until the bundle is
 * closed. */
SLSC_API const char* slsc_bundle_engine(const slsc_bundle* bundle);
SLSC_API int slsc_bundle_engine_count(const slsc_bundle* bundle);
SLSC_API const char* slsc_bundle_engine_name(const slsc_bundle* bundle, int index);

/* Bounds the bytes that restoring takes besides image, result and the opened bundle, whatever the size of the image: with less
 * it takes longer. 0, as after opening: 768 MiB. */
SLSC_API slsc_status slsc_bundle_set_memory(slsc_bundle* bundle, uint64_t bytes);

/* Restores one image of any size up to 2^20 pixels a side. `pixels`: height * width * channels samples, rows from top to bottom,
 * channels interleaved: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha. `restored`, which must not overlap it, receives the same
 * layout with height and width times the scale. Chroma that the network does not restore, and alpha, are enlarged bicubically.
 * Pixels of alpha 0 take the colour of the nearest others first, in a copy of the image that counts as memory.
 * Where it fails, `restored` may be partly written: SLSC_BAD_ARGUMENT, SLSC_NO_MEMORY (not even the smallest tile fits),
 * SLSC_BAD_SIZE (the network takes no tile of this image), SLSC_BAD_BUNDLE (it returns another size than the bundle says),
 * SLSC_BAD_OUTPUT. */
SLSC_API slsc_status slsc_bundle_restore(slsc_bundle* bundle, const void* pixels, int height, int width, int channels,
                                         slsc_sample_type type, void* restored);

/* Why the last slsc_bundle_restore on this bundle failed; for NULL, why the last slsc_bundle_open of this thread did. Never
 * NULL. */
SLSC_API const char* slsc_bundle_last_error(const slsc_bundle* bundle);

SLSC_API void slsc_bundle_close(slsc_bundle* bundle);

#ifdef __cplusplus
}
#endif

#endif
