// GlobalMean and ChannelMean. Needs lanes.inl and elementwise.inl.

static int global_mean_items(const Job& job) { return job.out.channels; }

// Sums of rows in single precision, of the rows' sums in double; always in the same order.
static void global_mean_run(const Job& job, int channel, float*) {
    const View& in = job.in0;
    double total[LANES] = {};
    for (int y = 0; y < in.rows; ++y) {
        const float* from = in.data + channel * in.plane + int64_t(y) * in.width * LANES;
        V sum{};
        for (int x = 0; x < in.width; ++x) sum += load(from + int64_t(x) * LANES);
        const VI valid = valid_lanes(in, y);
        for (int l = 0; l < LANES; ++l)
            if (valid[l]) total[l] += double(sum[l]);
    }
    double all = 0.0;
    for (int l = 0; l < LANES; ++l) all += total[l];
    store(job.out.data + channel * job.out.plane, splat(float(all / (double(in.height) * in.width))));
}

static int channel_mean_items(const Job& job) { return runs_of(job.out); }

static void channel_mean_run(const Job& job, int item, float*) {
    const Run run = run_of(job.out, item);
    const View& in = job.in0;
    const float* from = in.data + run.first;
    float* to = job.out.data + run.first;
    for (int64_t i = 0; i < run.floats; i += LANES) store(to + i, load(from + i));
    for (int c = 1; c < in.channels; ++c) {
        from += in.plane;
        for (int64_t i = 0; i < run.floats; i += LANES) store(to + i, load(to + i) + load(from + i));
    }
    const float share = 1.0f / float(in.channels);
    for (int64_t i = 0; i < run.floats; i += LANES) store(to + i, load(to + i) * share);
}
