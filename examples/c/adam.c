/* An Egret optimizer on buffers of a C program: a line through points, by hand-written gradients.
 *
 *     cargo build --release
 *     cc -o adam examples/c/adam.c -Iexamples/c -Ltarget/release -legret -Wl,-rpath,target/release
 */
#include <stdio.h>

#include "egret.h"

static const float X[6][2] = {{0, 1}, {1, 0.5f}, {2, -1}, {3, 0}, {4, 2}, {5, -0.5f}};
static const float Y[6] = {1.5f, 2.2f, 6.1f, 7.3f, 6.4f, 12.2f};

/* The mean squared error at params (two weights, then the bias), and its gradient. */
static float loss(const float params[3], float gradient[3]) {
    float sum = 0;
    gradient[0] = gradient[1] = gradient[2] = 0;
    for (int i = 0; i < 6; i++) {
        float error = params[0] * X[i][0] + params[1] * X[i][1] + params[2] - Y[i];
        sum += error * error / 6;
        gradient[0] += error * X[i][0] / 3;
        gradient[1] += error * X[i][1] / 3;
        gradient[2] += error / 3;
    }
    return sum;
}

static int failed(void) {
    fprintf(stderr, "%s\n", egret_last_error());
    return 1;
}

int main(void) {
    const size_t sizes[] = {2};
    const egret_tensor tensors[] = {{"weights", sizes, 1}, {"bias", NULL, 0}};
    egret_optimizer *optimizer;
    if (egret_compile("adam(lr = 0.1) |> eg_gain |> eg_scale", tensors, 2, 0, &optimizer) != EGRET_OK)
        return failed();

    float params[3] = {0}, gradient[3];
    for (int step = 0; step < 200; step++) {
        if (step == 150 && egret_set(optimizer, "adam.lr", 0.01) != EGRET_OK) return failed();
        double value = loss(params, gradient);
        if (egret_step_f32(optimizer, params, gradient, 3, &value) != EGRET_OK) return failed();
    }
    double scale;
    if (egret_state_read(optimizer, "eg_scale.s", &scale, 1) != EGRET_OK) return failed();
    printf("loss %.6f\nscale %.6f\n", loss(params, gradient), scale);

    /* Mistakes give a code and a message. */
    if (egret_step_f32(optimizer, NULL, gradient, 3, NULL) != EGRET_NULL) return 2;
    if (egret_step_f32(optimizer, params, gradient, 2, NULL) != EGRET_LENGTH) return 3;
    if (egret_set(optimizer, "adam.rate", 1) != EGRET_UNKNOWN) return 4;
    printf("error %s\n", egret_last_error());
    egret_free(optimizer);
    return 0;
}
