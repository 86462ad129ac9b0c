// The C interface of Egret: optimizer pipelines on the caller's own memory.
// Made from src/capi by `EGRET_UPDATE=1 cargo test --test suite buffers`.

#ifndef EGRET_H
#define EGRET_H

#include <stddef.h>
#include <stdint.h>

// What became of a call.
typedef enum egret_code {
  // All is well.
  EGRET_OK = 0,
  // A pointer is null that may not be.
  EGRET_NULL = 1,
  // A pointer is not a multiple of its element's size.
  EGRET_MISALIGNED = 2,
  // Memory that is written is given twice.
  EGRET_OVERLAP = 3,
  // A buffer has another length than the optimizer was compiled for.
  EGRET_LENGTH = 4,
  // Text is not UTF-8.
  EGRET_TEXT = 5,
  // The pipeline or the shapes are wrong.
  EGRET_PIPELINE = 6,
  // There is no state or hyperparameter of that name or number.
  EGRET_UNKNOWN = 7,
  // A value is not finite, or a hyperparameter is computed in each step and cannot be set or read.
  EGRET_VALUE = 8,
  // The loss is needed and missing, or not finite.
  EGRET_LOSS = 9,
  // There are no states before the first step.
  EGRET_NOT_STARTED = 10,
  // A file cannot be read or written, or is not a file of states.
  EGRET_FILE = 11,
  // A file of states is for another pipeline or for other parameters.
  EGRET_MISMATCH = 12,
  // Memory is short.
  EGRET_MEMORY = 13,
  // A bug in egret. Free the optimizer.
  EGRET_INTERNAL = 14,
} egret_code;

// A compiled pipeline with its states. One thread at a time may use it.
typedef struct egret_optimizer egret_optimizer;

// A parameter tensor.
typedef struct egret_tensor {
  // Its name, no other's.
  const char *name;
  // Its sizes, outermost first; may be null if `rank` is 0.
  const size_t *sizes;
  // The number of its sizes.
  size_t rank;
} egret_tensor;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The message of the last call of this thread that failed, valid until the next one that fails. Empty
// at first; never null.
const char *egret_last_error(void);

// Compiles a pipeline such as `adam(lr = 1e-3) |> eg_gain`, which may follow own stages, for `count`
// tensors of `float`. `total` is the number of steps in all, `T` in schedules, or 0 if unknown. The
// optimizer is for `egret_free`; after an error it is null.
//
// # Safety
// Pointers that are not null must be valid: texts end with a zero byte, `tensors` has `count`
// elements, and their `sizes` have `rank`.
enum egret_code egret_compile(const char *pipeline,
                              const struct egret_tensor *tensors,
                              size_t count,
                              uint64_t total,
                              struct egret_optimizer **optimizer);

// Frees an optimizer; null is nothing.
//
// # Safety
// It must come from `egret_compile`, and nobody may use it again.
void egret_free(struct egret_optimizer *optimizer);

// Lets steps be taken by so many threads, the caller's among them (at first that one alone; 0 is 1 too).
// Results have the same bits with any number.
//
// # Safety
// `optimizer` must come from `egret_compile`.
enum egret_code egret_set_threads(struct egret_optimizer *optimizer,
                                  size_t threads);

// Starts (again) from these parameters: makes the initial states. The first step does so itself.
//
// # Safety
// `optimizer` must come from `egret_compile`, and `params` must have `len` elements.
enum egret_code egret_init_f32(struct egret_optimizer *optimizer, const float *params, size_t len);

// Takes a step: `params` change in place. They and the gradient are the tensors in order, row-major,
// consecutive, `len` elements in all. `loss` may be null unless a stage looks at it.
//
// # Safety
// `optimizer` must come from `egret_compile`, and the buffers must have `len` elements, which nobody
// else uses meanwhile.
enum egret_code egret_step_f32(struct egret_optimizer *optimizer,
                               float *params,
                               const float *gradient,
                               size_t len,
                               const double *loss);

// As `egret_step_f32`, with one pointer for each of `count` tensors. Tensors that lie one behind the
// other are used in place; others are copied together and back, which costs up to 24 bytes of memory
// traffic per parameter.
//
// # Safety
// As for `egret_step_f32`, for each tensor.
enum egret_code egret_step_tensors_f32(struct egret_optimizer *optimizer,
                                       float *const *params,
                                       const float *const *gradients,
                                       size_t count,
                                       const double *loss);

// As `egret_step_f32`, with a gradient in bf16. `copy`, unless it is null, receives the new parameters
// in bf16, rounded to the nearest.
//
// # Safety
// As for `egret_step_f32`.
enum egret_code egret_step_bf16_grad(struct egret_optimizer *optimizer,
                                     float *params,
                                     const uint16_t *gradient,
                                     uint16_t *copy,
                                     size_t len,
                                     const double *loss);

// Writes the parameters to evaluate with: those of a stage that says so, like `schedule_free`, else
// `params` themselves.
//
// # Safety
// As for `egret_step_f32`.
enum egret_code egret_weights_f32(struct egret_optimizer *optimizer,
                                  const float *params,
                                  float *weights,
                                  size_t len);

// The number of steps taken; 0 for null.
//
// # Safety
// `optimizer` must come from `egret_compile`.
uint64_t egret_steps(const struct egret_optimizer *optimizer);

// Sets a hyperparameter, `adam.lr`, from the next step on.
//
// # Safety
// `optimizer` must come from `egret_compile`, and `name` must end with a zero byte.
enum egret_code egret_set(struct egret_optimizer *optimizer, const char *name, double value);

// Reads a hyperparameter, `adam.lr`.
//
// # Safety
// As for `egret_set`; `value` must be valid.
enum egret_code egret_get(struct egret_optimizer *optimizer, const char *name, double *value);

// The name of state `index`, from 0, which lives as long as the optimizer, and the number of its
// elements. Past the last state the code is `EGRET_UNKNOWN`.
//
// # Safety
// `optimizer` must come from `egret_compile`; `name` and `len` must be valid.
enum egret_code egret_state_info(struct egret_optimizer *optimizer,
                                 size_t index,
                                 const char **name,
                                 size_t *len);

// Reads the `len` numbers of a state, `adam.m`.
//
// # Safety
// As for `egret_set`; `values` must have `len` elements.
enum egret_code egret_state_read(struct egret_optimizer *optimizer,
                                 const char *name,
                                 double *values,
                                 size_t len);

// Replaces the `len` numbers of a state, rounded to its type.
//
// # Safety
// As for `egret_state_read`.
enum egret_code egret_state_write(struct egret_optimizer *optimizer,
                                  const char *name,
                                  const double *values,
                                  size_t len);

// Writes states, steps taken and hyperparameters to a safetensors file, whole or not at all.
//
// # Safety
// As for `egret_set`.
enum egret_code egret_save(struct egret_optimizer *optimizer, const char *path);

// Continues where a file was saved. A file for another pipeline or other parameters is an error whose
// message names both.
//
// # Safety
// As for `egret_set`.
enum egret_code egret_load(struct egret_optimizer *optimizer,
                           const char *path);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EGRET_H */
